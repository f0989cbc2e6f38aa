"""The performance table in detail: intervals, which differences are real, where models fail, fewer dimensions.

It quotes no sentence of the test set, so its licence is not that of the test set.
"""

import numpy as np
from tabulate import tabulate

from kosbert.report import explanations
from kosbert.report.explanations import SHARE, wrap
from kosbert.report.published import published_rows
from kosbert.report.resampling import Interval
from kosbert.report.results import ExtraTest, Results
from kosbert.report.significance import RowComparison
from kosbert.report.slices import PAIR_SEEN, SENTENCE_SEEN
from kosbert.report.table import COLUMNS, caption


def details(results: Results) -> str:
    """Return the detailed table as Markdown.

    Raises:
        KosbertError: predictions and test set are not of the same pairs.
    """
    parts = [
        "# The performance table in detail",
        caption(results.params),
        *_metrics(results),
        *_differences(results),
        *(part for test in results.extra for part in _extra_test(results, test)),
        *_dimensions(results),
        *_cosines(results),
        *_slices(results),
    ]
    return "\n\n".join(parts) + "\n"


def _metrics(results: Results) -> list[str]:
    params = results.params
    rows = [
        [f"{params.base_model} (ours)", row.label, *_with_intervals(row.metrics, row.intervals)] for row in results.rows
    ]
    published = published_rows(params.chosen_dataset)
    rows += [[*key, *(f"{value:.2f}" for value in values.values())] for key, values in published.items()]
    return [
        "## All metrics",
        wrap(explanations.intervals(params, len(results.test), published=bool(published))),
        _table(["Base model", "Trained on", *COLUMNS.values()], rows, left=2),
    ]


def _with_intervals(metrics: dict[str, float], intervals: dict[str, Interval]) -> list[str]:
    return [f"{metrics[name]:.2f} [{each.low:.1f}, {each.high:.1f}]" for name, each in intervals.items()]


def _extra_test(results: Results, test: ExtraTest) -> list[str]:
    rows = [
        [
            row.label,
            "yes" if row.name in test.seen else "no",
            *_with_intervals(test.metrics[row.name], test.intervals[row.name]),
        ]
        for row in results.rows
    ]
    about = f"{explanations.extra_test(test.about)} {explanations.intervals(results.params, test.pairs)}"
    parts = [
        f"## Scores on {test.about.title}",
        wrap(about),
        _table(["Trained on", "Seen", *COLUMNS.values()], rows, left=2),
    ]
    if not test.comparisons:
        return parts
    heading = f"### Differences on {test.about.title}"
    return [
        *parts,
        heading,
        wrap(explanations.extra_comparisons(len(test.comparisons))),
        _comparisons(test.comparisons, results.params.report.rows),
    ]


def _differences(results: Results) -> list[str]:
    if not results.comparisons:
        return []
    about = explanations.comparisons(results.params, len(results.comparisons))
    return [
        "## Which differences are significant",
        wrap(about),
        _comparisons(results.comparisons, results.params.report.rows),
    ]


def _comparisons(comparisons: list[RowComparison], labels: dict[str, str]) -> str:
    head = ["Trained on", "against", "difference", f"{SHARE} interval", "p", "p (Holm)", "significant"]
    return _table(head, [_difference(each, labels) for each in comparisons], left=2)


def _difference(each: RowComparison, labels: dict[str, str]) -> list[str]:
    comparison = each.comparison
    return [
        labels[each.other],
        labels[each.one],
        f"{comparison.difference:+.2f}",
        f"[{comparison.low:+.2f}, {comparison.high:+.2f}]",
        f"{comparison.p_value:.4f}",
        f"{each.corrected:.4f}",
        "yes" if each.distinguishable else "no",
    ]


def _dimensions(results: Results) -> list[str]:
    kept, titles = results.dimensions_kept, results.params.chosen_dataset.sts_titles
    rows = [
        [titles[dev], row.label, *(_score(scores[row.name].get(each, np.nan)) for each in kept)]
        for dev, scores in results.dimensions.items()
        for row in results.rows
    ]
    head = ["Dev set", "Trained on", *(f"{each} ({4 * each:,} bytes)" for each in kept)]
    return ["## What fewer dimensions cost", wrap(explanations.dimensions()), _table(head, rows, left=2)]


def _cosines(results: Results) -> list[str]:
    rows = [[row.label, *map(_score, row.cosines.values())] for row in results.rows]
    table = _table(["Trained on", *results.rows[0].cosines], rows, left=1)
    return ["## What a cosine means", wrap(explanations.calibration()), table]


def _slices(results: Results) -> list[str]:
    head = ["", "Pairs", *(row.label for row in results.rows)]
    first = ["all", f"{len(results.test):,}", *(f"{row.score:.2f}" for row in results.rows)]
    parts = ["## Where the models fail", wrap(explanations.slices())]
    for by, slices in results.slices().items():
        rows = [[each.name, f"{each.pairs:,}", *map(_score, each.scores.values())] for each in slices]
        parts += [f"### {by.capitalize()}", _table(head, [first, *rows], left=1)]
    return [*parts, *(_lines(results, seen) for seen in (PAIR_SEEN, SENTENCE_SEEN))]


def _lines(results: Results, seen: str) -> str:
    lines = [str(row + 1) for row in np.flatnonzero(results.test["seen"] == seen)]
    listed = f", at these lines of the test table: {', '.join(lines)}" if lines else ""
    return wrap(f"Test pairs with {seen}: {len(lines):,}{listed}.")


def _score(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]], left: int) -> str:
    align = ["left"] * left + ["right"] * (len(head) - left)
    return tabulate(rows, headers=head, tablefmt="github", disable_numparse=True, colalign=align)
