"""Pictures of our rows beside published results: cosine Spearman, and the same against model size."""

import math
from collections.abc import Sequence
from itertools import cycle, pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from kosbert.metrics import MAIN_METRIC
from kosbert.report.explanations import SHARE
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.published import PublishedResult, published_by_size, published_rows
from kosbert.report.resampling import Interval
from kosbert.report.results import ExtraTest, Results, Row

_BAR = 0.29  # inches that a bar takes
_NAME_GAP = 0.045  # the distance between names, as a part of the height of the axes
_SPACE_FOR_NAMES = 100  # the axis of sizes begins at the smallest size divided by this
_MAX_TICKS = 4  # on the axis of sizes; of more, every second is shown
_MARKERS = "Dsov^<>Pp*"


def bars(results: Results) -> Picture:
    """Draw cosine Spearman of our rows, with intervals, and of the published ones on the same test set."""
    published = [
        (f"{base.removesuffix(' (published)')}: {label}", metrics[MAIN_METRIC], None)
        for (base, label), metrics in published_rows(results.params.chosen_dataset).items()
    ]
    ours = [(_label(results, row), row.score, row.intervals[MAIN_METRIC]) for row in results.rows]
    return _bars(
        [*ours, *published],
        "scores",
        title="Cosine Spearman, ours" + " and published" * bool(published),
        caption=f"Blue: ours, with {SHARE} intervals over test pairs."
        + " Grey: published, without intervals." * bool(published),
    )


def extra_bars(results: Results, test: ExtraTest) -> Picture:
    """Draw cosine Spearman of our rows on an extra test set, with intervals."""
    ours = [
        (_label(results, row), test.metrics[row.name][MAIN_METRIC], test.intervals[row.name][MAIN_METRIC])
        for row in results.rows
    ]
    return _bars(
        ours,
        f"scores_{test.name}",
        title=f"Cosine Spearman on {canvas.plain(test.about.title, test.name)}, ours",
        caption=f"{test.about.title}, with {SHARE} intervals over its {test.pairs:,} test pairs.",
    )


def _label(results: Results, row: Row) -> str:
    return f"{results.params.base_model}: {canvas.plain(row.label, row.name)}"


def _bars(scores: Sequence[tuple[str, float, Interval | None]], name: str, *, title: str, caption: str) -> Picture:
    shown = sorted(scores, key=lambda each: each[1])
    figure, ax = canvas.axes(height=1.2 + _BAR * len(shown), title=title)
    for height, (_, score, interval) in enumerate(shown):
        ax.barh(height, score, height=0.62, color=canvas.OURS if interval else canvas.QUIET)
        end = score
        if interval and not math.isnan(interval.high):
            end = max(score, interval.high)
            ax.plot([interval.low, interval.high], [height, height], color="black", linewidth=1.2, marker="|")
        ax.annotate(
            f"{score:.2f}", (end, height), xytext=(5, 0), textcoords="offset points", va="center", color="black"
        )
    ax.set_yticks(range(len(shown)), [label for label, *_ in shown])
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(min(0, *(score for _, score, _ in shown)), 105), xlabel="cosine Spearman × 100")
    ax.set_xticks(range(0, 101, 20))
    ax.spines["left"].set_visible(False)
    return canvas.picture(
        figure,
        name,
        caption=caption,
        alt=f"{title}: " + "; ".join(f"{label} {score:.2f}" for label, score, _ in reversed(shown)),
    )


def front(published: Sequence[PublishedResult]) -> list[PublishedResult]:
    """Return the results that no smaller or equally large encoder beats, from the smallest to the largest."""
    leading: list[PublishedResult] = []
    for result in sorted(published, key=lambda each: (each.millions, -each.cosine_spearman)):
        if not leading or result.cosine_spearman > leading[-1].cosine_spearman:
            leading.append(result)
    return leading


def sizes(results: Results) -> Picture:
    """Draw cosine Spearman against the number of parameters: our rows, and published results on the same test set."""
    figure, ax = canvas.axes(height=4.7, title="Cosine Spearman × 100 against model size")
    published = published_by_size(results.params.chosen_dataset)
    leading = front(published)
    ax.plot(*_points(published), "o", markersize=4, color=canvas.OTHERS)
    ax.step(*_points(leading), where="post", color=canvas.QUIET)
    for row, marker in zip(results.rows, cycle(_MARKERS)):
        ax.plot(
            row.parameters / 1e6,
            row.score,
            marker,
            color=canvas.OURS,
            markersize=7,
            markeredgecolor="white",  # keeps overlapping marks apart
            markeredgewidth=0.6,
            linestyle="none",
            label=canvas.plain(row.label, row.name),
        )
    ax.set_xscale("log")
    ax.margins(x=0.1, y=0.1)
    figure.legend(loc="outside lower center", ncols=2, title="ours, trained on")
    _ticks_of_size(ax)
    if published:
        ax.set_xlim(left=ax.get_xlim()[0] / _SPACE_FOR_NAMES)
        _name(ax, leading)
    ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set(xlabel="parameters (logarithmic)", ylabel="cosine Spearman × 100")
    ax.grid(axis="y")
    return canvas.picture(
        figure,
        "sizes",
        caption="Blue: ours."
        + " Grey: published; no encoder of the same size or smaller beats those with names." * bool(published),
        alt="Cosine Spearman against model size: "
        + "; ".join(f"{row.label} {row.score:.2f} with {row.parameters / 1e6:.1f} M" for row in results.rows)
        + "".join(f"; {each.name} {each.cosine_spearman:.2f} with {each.millions:g} M" for each in leading),
    )


def _points(published: Sequence[PublishedResult]) -> tuple[list[float], list[float]]:
    return [each.millions for each in published], [each.cosine_spearman for each in published]


def _ticks_of_size(ax: Axes) -> None:
    low, high = ax.get_xlim()
    steps = [digit * 10**power for power in range(-3, 6) for digit in (1, 3)]
    shown = [step for step in steps if low <= step <= high]
    ax.xaxis.set_major_locator(
        FixedLocator(shown if len(shown) <= _MAX_TICKS else shown[shown[0] not in steps[::2] :: 2])
    )
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: EngFormatter()(size * 1e6).replace("G", "B")))


def _name(ax: Axes, leading: list[PublishedResult]) -> None:
    """Write names left of the marks, where no others are, for none is better and smaller; no two names touch."""
    low, high = ax.get_ylim()
    heights = [(each.cosine_spearman - low) / (high - low) for each in leading]
    for below, above in pairwise(range(len(heights))):
        heights[above] = max(heights[above], heights[below] + _NAME_GAP)
    for each, height in zip(leading, heights, strict=True):
        ax.annotate(
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
