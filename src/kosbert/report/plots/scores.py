"""Pictures of our rows beside published encoders: cosine Spearman, and what it costs in size."""

import math
from collections.abc import Sequence
from itertools import cycle, pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from kosbert.report.details import SHARE
from kosbert.metrics import METRICS, MAIN
from kosbert.report.published import PUBLISHED, PUBLISHED_BY_SIZE, Encoder
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.rows import Row

_LINE = 0.29  # inches a bar takes
_APART = 0.045  # of the height of the axes: what names keep from each other
_ROOM_FOR_NAMES = 100  # the axis of sizes begins at so small a part of the smallest
_TICKS = 4  # of the axis of sizes; of more, every second
_MARKERS = "Dsov^<>Pp*"


def bars(rows: list[Row], base_model: str, *, comparable: bool) -> Picture:
    """Draw cosine Spearman of our rows, with intervals, and where it is comparable of the published ones.

    Args:
        rows: ours.
        base_model: what they are trained from.
        comparable: whether the test set is KorSTS.
    """
    ours = [
        (f"{base_model}: {canvas.plain(row.label, row.name)}", row.figures[MAIN], row.intervals[MAIN]) for row in rows
    ]
    others = [
        (f"{base.removesuffix(' (published)')}: {label}", figures[METRICS.index(MAIN)], None)
        for (base, label), figures in PUBLISHED.items()
        if comparable
    ]
    shown = sorted([*ours, *others], key=lambda each: each[1])
    figure, place = canvas.axes(
        height=1.2 + _LINE * len(shown), title="Cosine Spearman, ours" + " and published" * comparable
    )
    for height, (_, score, interval) in enumerate(shown):
        place.barh(height, score, height=0.62, color=canvas.OURS if interval else canvas.QUIET)
        end = score
        if interval and not math.isnan(interval.high):
            end = max(score, interval.high)
            place.plot([interval.low, interval.high], [height, height], color="black", linewidth=1.2, marker="|")
        place.annotate(
            f"{score:.2f}", (end, height), xytext=(5, 0), textcoords="offset points", va="center", color="black"
        )
    place.set_yticks(range(len(shown)), [label for label, *_ in shown])
    place.tick_params(axis="y", length=0)
    place.set(xlim=(min(0, *(score for _, score, _ in shown)), 105), xlabel="cosine Spearman × 100")
    place.set_xticks(range(0, 101, 20))
    place.spines["left"].set_visible(False)
    return canvas.picture(
        figure,
        "scores",
        caption=f"Blue: ours, with {SHARE} intervals over test pairs."
        + (" Grey: published, without intervals, because only the figures are known." * comparable),
        alt="Cosine Spearman: " + "; ".join(f"{label} {score:.2f}" for label, score, _ in reversed(shown)),
    )


def front(encoders: Sequence[Encoder]) -> list[Encoder]:
    """Return the encoders that no smaller or equally large one beats, from the smallest to the largest."""
    found: list[Encoder] = []
    for encoder in sorted(encoders, key=lambda each: (each.millions, -each.cosine_spearman)):
        if not found or encoder.cosine_spearman > found[-1].cosine_spearman:
            found.append(encoder)
    return found


def sizes(rows: list[Row], *, comparable: bool) -> Picture:
    """Draw cosine Spearman against the number of parameters; the published encoders where it is comparable.

    Args:
        rows: ours.
        comparable: whether the test set is KorSTS.
    """
    figure, place = canvas.axes(height=4.7, title="Cosine Spearman × 100 against model size")
    others = PUBLISHED_BY_SIZE if comparable else ()
    leading = front(others)
    place.plot(*_points(others), "o", markersize=4, color=canvas.OTHERS)
    place.step(*_points(leading), where="post", color=canvas.QUIET)
    for row, marker in zip(rows, cycle(_MARKERS)):
        place.plot(
            row.parameters / 1e6,
            row.figures[MAIN],
            marker,
            color=canvas.OURS,
            markersize=7,
            markeredgecolor="white",  # so that marks on each other stay apart
            markeredgewidth=0.6,
            linestyle="none",
            label=canvas.plain(row.label, row.name),
        )
    place.set_xscale("log")
    place.margins(x=0.1, y=0.1)
    figure.legend(loc="outside lower center", ncols=2, title="ours, trained on")
    _ticks_of_size(place)
    if comparable:
        place.set_xlim(left=place.get_xlim()[0] / _ROOM_FOR_NAMES)
        _name(place, leading)
    place.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    place.set(xlabel="parameters (logarithmic)", ylabel="cosine Spearman × 100")
    place.grid(axis="y")
    return canvas.picture(
        figure,
        "sizes",
        caption="Blue: ours."
        + (" Grey: published; those with names are beaten by none of their size or smaller." * comparable),
        alt="Cosine Spearman against model size: "
        + "; ".join(f"{row.label} {row.figures[MAIN]:.2f} with {row.parameters / 1e6:.1f} M" for row in rows)
        + "".join(f"; {each.name} {each.cosine_spearman:.2f} with {each.millions:g} M" for each in leading),
    )


def _points(encoders: Sequence[Encoder]) -> tuple[list[float], list[float]]:
    return [each.millions for each in encoders], [each.cosine_spearman for each in encoders]


def _ticks_of_size(place: Axes) -> None:
    low, high = place.get_xlim()
    steps = [digit * 10**power for power in range(-3, 6) for digit in (1, 3)]
    shown = [step for step in steps if low <= step <= high]
    place.xaxis.set_major_locator(
        FixedLocator(shown if len(shown) <= _TICKS else shown[shown[0] not in steps[::2] :: 2])
    )
    place.xaxis.set_minor_locator(NullLocator())
    place.xaxis.set_major_formatter(FuncFormatter(lambda size, _: EngFormatter()(size * 1e6).replace("G", "B")))


def _name(place: Axes, leading: list[Encoder]) -> None:
    """Put names left of the marks, where nothing is, for nothing is better and smaller; moved until none touch."""
    low, high = place.get_ylim()
    heights = [(each.cosine_spearman - low) / (high - low) for each in leading]
    for below, above in pairwise(range(len(heights))):
        heights[above] = max(heights[above], heights[below] + _APART)
    for each, height in zip(leading, heights, strict=True):
        place.annotate(
            each.name,
            (each.millions, each.cosine_spearman),
            xytext=(-9, low + height * (high - low)),
            textcoords=("offset points", "data"),
            ha="right",
            va="center",
            fontsize=8,
            color=canvas.OTHERS,
            arrowprops={"arrowstyle": "-", "color": canvas.OTHERS, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2},
        )
