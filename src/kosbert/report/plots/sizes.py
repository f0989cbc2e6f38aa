"""The picture of cosine Spearman against model size, our rows among published encoders. The README shows it as well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from kosbert.params import STS
from kosbert.report.language import Say
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.published import PublishedResult, front, landmarks, published_by_size
from kosbert.report.results import Results

NAME = "by_size"
_WIDTH = 5.2  # inches: wide enough for names, and on a phone the text is still readable
_SPACE_FOR_NAMES = 20  # the axis of sizes begins at its lower end divided by this
_MAX_TICKS = 6  # on the axis of sizes; of more, every second is shown
_SIZE = {canvas.BEST: 9, canvas.OURS: 6, canvas.OTHERS: 4}  # points across a mark
_DISTANCES = (6, 9, 14, 20, 28, 38, 50)  # points from a mark to its name; the nearest with room is taken
_SIDES = ((1, 0), (1, 0.6), (1, -0.6), (0, 1), (0, -1), (-1, 0.6), (-1, -0.6), (-1, 0))
_PADDING = 2  # pixels around a name
_LINE = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}  # from a name that is not beside its mark


@dataclass(frozen=True)
class _Mark:
    name: str
    millions: float
    score: float
    color: str
    leads: bool = False  # no encoder left of it is above it, so its name has room there

    @property
    def point(self) -> tuple[float, float]:
        return self.millions, self.score


def by_size(results: Results, say: Say) -> Picture:
    """Draw cosine Spearman against the number of parameters: our rows, and published results on the same test set."""
    dataset, best = results.params.chosen_dataset, results.best
    published = published_by_size(dataset)
    ours = [
        _Mark(row.name, row.parameters / 1e6, row.score, canvas.BEST if row is best else canvas.OURS)
        for row in sorted(results.rows, key=lambda row: (row is not best, -row.score))
    ]
    leading = front(published)
    named = [*ours, *(replace(_mark(each), leads=each in leading) for each in landmarks(dataset))]
    title = f"Cosine Spearman × 100 on {dataset.sts_titles[STS]} test, by model size"
    figure, ax = canvas.axes(width=_WIDTH, height=4.4, title=title)
    if published:
        ax.step(*_points(leading), where="post", color=canvas.QUIET, label="best published up to a size")
    _draw(ax, list(map(_mark, published)), "published")
    _draw(ax, ours[1:], "ours")
    _draw(ax, ours[:1], f"our best: {best.score:.2f}")
    ax.set_xscale("log")
    ax.margins(x=0.05 if published else 0.3, y=0.08)
    ax.grid(axis="y")
    ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set(xlabel="parameters (logarithmic)", ylabel="cosine Spearman × 100")
    if published:
        ax.set_xlim(left=ax.get_xlim()[0] / _SPACE_FOR_NAMES)
    _ticks_of_size(ax)
    figure.legend(loc="outside lower center", ncols=2)
    _write_names(figure, ax, named, [each.point for each in [*named, *map(_mark, published)]])
    caption = say("Blue: our rows, the best in orange.")
    if published:
        caption += " " + say("Grey: published. The line follows the best published encoder up to each size.")
    alt = "; ".join(f"{each.name} {each.score:.2f} ({each.millions:.4g} M)" for each in named)
    return canvas.picture(figure, NAME, caption=caption, alt=say("Cosine Spearman by model size: ") + alt)


def _mark(result: PublishedResult) -> _Mark:
    return _Mark(result.name, result.millions, result.cosine_spearman, canvas.OTHERS)


def _points(published: Sequence[PublishedResult]) -> tuple[list[float], list[float]]:
    return [each.millions for each in published], [each.cosine_spearman for each in published]


def _draw(ax: Axes, marks: Sequence[_Mark], label: str) -> None:
    if marks:
        ax.plot(
            [each.millions for each in marks],
            [each.score for each in marks],
            "o",
            color=marks[0].color,
            markersize=_SIZE[marks[0].color],
            markeredgecolor="white",  # keeps overlapping marks apart
            markeredgewidth=0.6,
            label=label,
        )


def _ticks_of_size(ax: Axes) -> None:
    low, high = ax.get_xlim()
    steps = [digit * 10**power for power in range(-3, 6) for digit in (1, 3)]
    shown = [step for step in steps if low <= step <= high]
    ax.xaxis.set_major_locator(
        FixedLocator(shown if len(shown) <= _MAX_TICKS else shown[shown[0] not in steps[::2] :: 2])
    )
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: EngFormatter()(size * 1e6).replace("G", "B")))


def _write_names(figure: Figure, ax: Axes, marks: Sequence[_Mark], points: Sequence[tuple[float, float]]) -> None:
    """Write each name at the nearest place where it covers no mark and no other name; one without room is left out."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the places found here are those of this layout
    taken: list[Bbox] = []
    occupied = ax.transData.transform(points)
    for mark in marks:
        for distance, offset in _offsets(mark):
            name = _annotate(ax, mark, offset)
            box = name.get_window_extent().padded(_PADDING)
            inside = ax.bbox.contains(box.x0, box.y0) and ax.bbox.contains(box.x1, box.y1)
            if inside and not box.count_contains(occupied) and not box.count_overlaps(taken):
                taken.append(box)
                if distance > _DISTANCES[0]:
                    line = _LINE | {"color": mark.color}
                    ax.annotate("", mark.point, xytext=offset, textcoords="offset points", arrowprops=line)
                break
            name.remove()


def _offsets(mark: _Mark) -> Iterator[tuple[float, tuple[float, float]]]:
    for distance in _DISTANCES:
        for right, up in _SIDES[::-1] if mark.leads else _SIDES:
            yield distance, (right * distance, up * distance)


def _annotate(ax: Axes, mark: _Mark, offset: tuple[float, float]) -> Annotation:
    right, up = offset
    vertical: Literal["bottom", "top"] = "bottom" if up > 0 else "top"
    return ax.annotate(
        mark.name,
        mark.point,
        xytext=offset,
        textcoords="offset points",
        ha="left" if right > 0 else "right" if right < 0 else "center",
        va="center" if right else vertical,
        fontsize=9 if mark.color == canvas.BEST else 8,
        fontweight="bold" if mark.color == canvas.BEST else "normal",
        color=mark.color,
    )
