"""The detailed performance table: each figure with its interval, which differences are real, and where models fail.

Nothing in it quotes a sentence of the test set, so it may stand where the table does.
"""

from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from tabulate import tabulate

from kosbert.report.slices import FEWEST, PAIR_SEEN, SENTENCE_SEEN, slices
from kosbert.metrics import MAIN
from kosbert.report.published import PUBLISHED
from kosbert.report.significance import ERROR, Resampled
from kosbert.evaluation.scores import figures
from kosbert.report.table import COLUMNS, caption
from kosbert.report.resampling import LEVEL, Comparison
from kosbert.params import Params

SHARE = f"{100 * LEVEL:.0f} %"


def details(params: Params, predictions: dict[str, pd.DataFrame], test: pd.DataFrame, resampled: Resampled) -> str:
    """Return the detailed table as Markdown.

    Args:
        params: the parameters; the labels and `resamples` of `report` among them.
        predictions: those of each row of the report, in its order.
        test: the test set as `breakdown.read_test` gives it.
        resampled: what resampling says of these rows.

    Raises:
        KosbertError: predictions and test set are not of the same pairs, or a figure is not a number.
    """
    scores = {name: figures(frame, source=Path(f"{name}.tsv")) for name, frame in predictions.items()}
    parts = [
        "# The performance table in detail",
        caption(params).rstrip(),
        *_figures(params, scores, resampled, pairs=len(test)),
        *_differences(params, resampled),
        *_slices(params, predictions, test, scores),
    ]
    return "\n\n".join(parts) + "\n"


def _figures(params: Params, scores: dict[str, dict[str, float]], resampled: Resampled, *, pairs: int) -> list[str]:
    rows = []
    for name, ours in scores.items():
        found = resampled.intervals[name]
        cells = [f"{ours[figure]:.2f} [{each.low:.1f}, {each.high:.1f}]" for figure, each in found.items()]
        rows.append([f"{params.base_model} (ours)", params.report.rows[name], *cells])
    published = PUBLISHED if params.chosen_dataset.comparable else {}
    rows += [[*key, *(f"{figure:.2f}" for figure in each)] for key, each in published.items()]
    text = (
        f"In brackets: the {SHARE} confidence interval, of {params.report.resamples:,} bootstrap resamples of the "
        f"{pairs:,} test pairs. It is about other test pairs of this kind, not about other trainings."
    )
    none = "The published rows have no interval: only the figures were published."
    head = ["Base model", "Trained on", *COLUMNS]
    return ["## Figures", _wrapped(f"{text} {none}" if published else text), _table(head, rows, left=2)]


def _differences(params: Params, resampled: Resampled) -> list[str]:
    found, labels, resamples = resampled.differences, params.report.rows, params.report.resamples
    if not found:
        return []
    rows = [
        [
            labels[each.other],
            labels[each.one],
            *_comparison(each.comparison),
            f"{each.corrected:.4f}",
            "yes" if each.distinguishable else "no",
        ]
        for each in found
    ]
    text = (
        f"Cosine Spearman of the first less that of the second, with its {SHARE} interval, on the same resampled test "
        "pairs. The p-value is that of approximate randomisation (two-sided): how often swapping the two models' "
        f"predictions of random pairs makes as large a difference, in {resamples:,} draws. Of {len(found)} comparisons "
        "some may have a small p-value by chance, so the last columns hold Holm's correction (1979), and whether by it "
        f"the two are distinguishable at {100 * ERROR:.0f} %; the intervals are each their own. All this is over test "
        "pairs, not over training seeds: one training is one draw, and with another seed the same recipes give others."
    )
    head = ["Trained on", "against", "difference", f"{SHARE} interval", "p", "p (Holm)", "distinguishable"]
    return ["## Differences", _wrapped(text), _table(head, rows, left=2)]


def _comparison(each: Comparison) -> list[str]:
    return [f"{each.difference:+.2f}", f"[{each.low:+.2f}, {each.high:+.2f}]", f"{each.p_value:.4f}"]


def _slices(
    params: Params, predictions: dict[str, pd.DataFrame], test: pd.DataFrame, scores: dict[str, dict[str, float]]
) -> list[str]:
    found = {name: slices(test, frame) for name, frame in predictions.items()}
    some = next(iter(found.values()))
    head = ["", "Pairs", *(params.report.rows[name] for name in found)]
    whole = ["all", f"{len(test):,}", *(f"{scores[name][MAIN]:.2f}" for name in found)]
    parts = [
        "## Where it fails",
        _wrapped(
            "Cosine Spearman by model on parts of the test set. Length is the mean number of characters of the two "
            "sentences, word overlap the share of their words that both have (Jaccard). A part in which the gold "
            "scores differ less has lower correlations for that alone, so read along the rows. "
            f"n/a: fewer than {FEWEST} pairs, or one score only."
        ),
    ]
    for by, group in some.groupby("by", sort=False):
        cells = [[_score(frame[MAIN][row]) for frame in found.values()] for row in group.index]
        rows = [
            [name, f"{pairs:,}", *cell] for name, pairs, cell in zip(group["name"], group["pairs"], cells, strict=True)
        ]
        parts += [f"### {by.capitalize()}", _table(head, [whole, *rows], left=1)]
    return [*parts, *(_named(test, seen) for seen in (PAIR_SEEN, SENTENCE_SEEN))]


def _named(test: pd.DataFrame, seen: str) -> str:
    lines = [str(row + 1) for row in np.flatnonzero(test["seen"] == seen)]
    listed = f", which are these lines of the test table: {', '.join(lines)}" if lines else ""
    return _wrapped(f"Test pairs with {seen}: {len(lines):,}{listed}.")


def _score(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.2f}"


def _wrapped(text: str) -> str:
    return fill(text, width=120, break_long_words=False, break_on_hyphens=False)


def _table(head: list[str], rows: list[list[str]], left: int) -> str:
    align = ["left"] * left + ["right"] * (len(head) - left)
    return tabulate(rows, headers=head, tablefmt="github", disable_numparse=True, colalign=align)
