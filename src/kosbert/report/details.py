"""The performance table in detail: intervals, which differences are real, and where models fail.

It quotes no sentence of the test set, so its licence is not that of the test set.
"""

import numpy as np
from tabulate import tabulate

from kosbert.report import explanations
from kosbert.report.explanations import SHARE, wrap
from kosbert.report.published import published_rows
from kosbert.report.results import Results
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
        *_slices(results),
    ]
    return "\n\n".join(parts) + "\n"


def _metrics(results: Results) -> list[str]:
    params = results.params
    rows = []
    for row in results.rows:
        cells = [f"{row.metrics[name]:.2f} [{each.low:.1f}, {each.high:.1f}]" for name, each in row.intervals.items()]
        rows.append([f"{params.base_model} (ours)", row.label, *cells])
    for key, published in published_rows(params.chosen_dataset).items():
        rows.append([*key, *(f"{value:.2f}" for value in published.values())])
    return [
        "## Metrics",
        wrap(explanations.intervals(results)),
        _table(["Base model", "Trained on", *COLUMNS.values()], rows, left=2),
    ]


def _differences(results: Results) -> list[str]:
    if not results.comparisons:
        return []
    head = ["Trained on", "against", "difference", f"{SHARE} interval", "p", "p (Holm)", "distinguishable"]
    return [
        "## Differences",
        wrap(explanations.comparisons(results)),
        _table(head, [_difference(each, results.params.report.rows) for each in results.comparisons], left=2),
    ]


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


def _slices(results: Results) -> list[str]:
    head = ["", "Pairs", *(row.label for row in results.rows)]
    first = ["all", f"{len(results.test):,}", *(f"{row.score:.2f}" for row in results.rows)]
    parts = ["## Where it fails", wrap(explanations.SLICES)]
    for by, slices in results.slices.items():
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
