"""The detailed performance table: each figure with its interval, which differences are real, and where models fail.

Nothing in it quotes a sentence of the test set, so it may stand where the table does.
"""

from itertools import combinations, pairwise
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from tabulate import tabulate

from kosbert.evaluation.breakdown import FEWEST, PAIR_SEEN, SENTENCE_SEEN, slices
from kosbert.evaluation.published import PUBLISHED
from kosbert.evaluation.scores import figures
from kosbert.evaluation.table import COLUMNS, caption
from kosbert.evaluation.uncertainty import LEVEL, Comparison, compare, intervals
from kosbert.params import BASE, Params

FEW = 4  # rows of which all are compared with all
ERROR = 1 - LEVEL
SHARE = f"{100 * LEVEL:.0f} %"
MAIN = "cosine_spearman"  # what is compared and sliced


def details(params: Params, predictions: dict[str, pd.DataFrame], test: pd.DataFrame, *, seed: int) -> str:
    """Return the detailed table as Markdown.

    Args:
        params: the parameters; the labels and `resamples` of `report` among them.
        predictions: those of each row of the report, in its order.
        test: the test set as `breakdown.read_test` gives it.
        seed: of the resampling.

    Raises:
        KosbertError: predictions and test set are not of the same pairs, or a figure is not a number.
    """
    scores = {name: figures(frame, source=Path(f"{name}.tsv")) for name, frame in predictions.items()}
    parts = [
        "# The performance table in detail",
        caption(params).rstrip(),
        *_figures(params, predictions, scores, seed),
        *_differences(params, predictions, seed),
        *_slices(params, predictions, test, scores),
    ]
    return "\n\n".join(parts) + "\n"


def _figures(
    params: Params, predictions: dict[str, pd.DataFrame], scores: dict[str, dict[str, float]], seed: int
) -> list[str]:
    rows = []
    for name, frame in predictions.items():
        found = intervals(frame, seed=seed, resamples=params.report.resamples)
        cells = [f"{scores[name][figure]:.2f} [{each.low:.1f}, {each.high:.1f}]" for figure, each in found.items()]
        rows.append([f"{params.base_model} (ours)", params.report.rows[name], *cells])
    published = PUBLISHED if params.chosen_dataset.comparable else {}
    rows += [[*key, *(f"{figure:.2f}" for figure in each)] for key, each in published.items()]
    pairs = len(next(iter(predictions.values())))
    text = (
        f"In brackets: the {SHARE} confidence interval, of {params.report.resamples:,} bootstrap resamples of the "
        f"{pairs:,} test pairs. It is about other test pairs of this kind, not about other trainings."
    )
    none = "The published rows have no interval: only the figures were published."
    head = ["Base model", "Trained on", *COLUMNS]
    return ["## Figures", _wrapped(f"{text} {none}" if published else text), _table(head, rows, left=2)]


def _differences(params: Params, predictions: dict[str, pd.DataFrame], seed: int) -> list[str]:
    resamples = params.report.resamples
    found = {
        (one, other): compare(predictions[one], predictions[other], seed=seed, resamples=resamples, figure=MAIN)
        for one, other in compared(list(predictions))
    }
    if not found:
        return []
    labels = params.report.rows
    corrected = holm([each.p_value for each in found.values()])
    rows = [
        [labels[other], labels[one], *_comparison(each), f"{p:.4f}", "yes" if p < ERROR else "no"]
        for ((one, other), each), p in zip(found.items(), corrected, strict=True)
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


def compared(rows: list[str]) -> list[tuple[str, str]]:
    """All pairs of few rows; of more, each with the base (or the first), and each with the next."""
    rows = sorted(rows, key=lambda row: row != BASE)
    every = list(combinations(rows, 2))
    near = {*((rows[0], row) for row in rows[1:]), *pairwise(rows)}
    return every if len(rows) <= FEW else [pair for pair in every if pair in near]


def holm(p_values: list[float]) -> list[float]:
    """Correct p-values for their number, so that any false alarm among them is as rare as one alone would be.

    Source: Holm, 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return [float(p) for p in corrected]


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
