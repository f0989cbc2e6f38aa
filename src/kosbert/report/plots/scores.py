"""Bars of cosine Spearman: our rows, and published results on the same test set."""

import math
from collections.abc import Sequence

from kosbert.metrics import MAIN_METRIC
from kosbert.params import STS
from kosbert.report.explanations import SHARE
from kosbert.report.language import Say
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.published import published_rows
from kosbert.report.resampling import Interval
from kosbert.report.results import ExtraTest, Results, Row

_BAR = 0.29  # inches that a bar takes


def bars(results: Results, say: Say) -> Picture:
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
        caption=say("Blue: ours, with {share} intervals over test pairs.", share=SHARE)
        + (" " + say("Grey: published, without intervals.") if published else ""),
        alt=say("Cosine Spearman on {title}: ", title=results.params.chosen_dataset.sts_titles[STS]),
    )


def extra_bars(results: Results, test: ExtraTest, say: Say) -> Picture:
    """Draw cosine Spearman of our rows on an extra test set, with intervals."""
    ours = [
        (_label(results, row), test.metrics[row.name][MAIN_METRIC], test.intervals[row.name][MAIN_METRIC])
        for row in results.rows
    ]
    return _bars(
        ours,
        f"scores_{test.name}",
        title=f"Cosine Spearman on {canvas.plain(test.about.title, test.name)}, ours",
        caption=say(
            "{title}, with {share} intervals over its {pairs:,} test pairs.",
            title=test.about.title,
            share=SHARE,
            pairs=test.pairs,
        ),
        alt=say("Cosine Spearman on {title}: ", title=test.about.title),
    )


def _label(results: Results, row: Row) -> str:
    return f"{results.params.base_model}: {canvas.plain(row.label, row.name)}"


def _bars(
    scores: Sequence[tuple[str, float, Interval | None]], name: str, *, title: str, caption: str, alt: str
) -> Picture:
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
        alt=alt + "; ".join(f"{label} {score:.2f}" for label, score, _ in reversed(shown)),
    )
