"""What the metrics, intervals, comparisons and slices mean: the same words in the Markdown files and on the page."""

from pathlib import Path
from textwrap import fill

from kosbert.encoder.calibration import MATCH
from kosbert.params import ExtraSts, Params
from kosbert.report.language import Say, english
from kosbert.report.resampling import LEVEL
from kosbert.report.significance import ALPHA
from kosbert.report.slices import FEWEST

SHARE = f"{100 * LEVEL:.0f}%"


def metrics(say: Say = english) -> str:
    """Explain the eight metrics."""
    return say(
        "On the test set: Pearson (P) and Spearman (S) correlation × 100 of the gold scores with four similarities of "
        "the embeddings, which are cosine, negated Euclidean and Manhattan distance, and dot product."
    )


def slices(say: Say = english) -> str:
    """Explain the scores on parts of the test set."""
    return say(
        "Cosine Spearman × 100 of each row on parts of the test set. Length is the mean number of characters of the "
        "two sentences. Word overlap is the share of their words that both have (Jaccard index). A part whose gold "
        "scores vary less has lower correlations for that reason alone, so compare along the rows. n/a: fewer than "
        "{fewest} pairs, or all pairs have the same score.",
        fewest=FEWEST,
    )


def dimensions(say: Say = english) -> str:
    """Explain the scores of embeddings with fewer dimensions."""
    return say(
        "Cosine Spearman × 100 on the dev sets of embeddings truncated to their first dimensions, as "
        "`SentenceTransformer(model, truncate_dim=128)` does, with the bytes of an embedding in float32. Search and "
        "clustering take time and memory in proportion. This table is for choosing, so the test sets are not in it."
    )


def calibration(say: Say = english) -> str:
    """Explain the cosines of scores."""
    return say(
        "The cosine at which pairs have a score of 1, 2, 3 or 4 on average, from 0 (unrelated) to 5 (equivalent), and "
        "the cosine at which a pair is as likely a match (a score of {match} or more) as not. They are measured on all "
        "dev sets together, and stored with each model (`calibration.json`). Pairs of one kind can score half a point "
        "or more above or below.",
        match=MATCH,
    )


def extra_test(about: ExtraSts, say: Say = english) -> str:
    """Say what an extra test set is, and what it is to have seen it."""
    text = say(
        "{title}: the {rows:,} pairs of `{file}` ({license}), which were not used to choose anything.",
        title=about.title,
        rows=about.test.rows,
        file=Path(about.test.path).name,
        license=about.license,
    )
    seen = say("Seen: whether the row was trained on the training pairs of the same dataset.")
    return f"{text} {seen}" if about.train else text


def intervals(params: Params, pairs: int, *, published: bool = False, say: Say = english) -> str:
    """Explain the confidence intervals of a table.

    Args:
        params: the parameters.
        pairs: the number of test pairs.
        published: whether published rows are in the table.
        say: the language.
    """
    text = say(
        "Each of our metrics has its {share} confidence interval, from {resamples:,} bootstrap resamples of the "
        "{pairs:,} test pairs. It covers the choice of test pairs, not the variation between trainings.",
        share=SHARE,
        resamples=params.report.resamples,
        pairs=pairs,
    )
    without = say("The published rows have no interval, since only their metrics were published.")
    return f"{text} {without}" if published else text


def comparisons(params: Params, count: int, say: Say = english) -> str:
    """Explain the comparisons of rows, and say how many there are on a test set."""
    return say(
        "Cosine Spearman × 100 of one row minus that of another, with its {share} interval on the same resampled test "
        "pairs. The p-value is that of a two-sided approximate randomization test: how often a difference is at least "
        "as large when the predictions of the two models are swapped for random pairs, in {draws:,} draws. Of {count} "
        "comparisons, some may have a small p-value by chance, so a difference is called significant only if its "
        "p-value is below {alpha:.0f}% after Holm's correction (1979). The intervals are not corrected. All this is "
        "about test pairs, not about training seeds: with another seed, the same recipes give other models.",
        share=SHARE,
        draws=params.report.resamples,
        count=count,
        alpha=100 * ALPHA,
    )


def extra_comparisons(count: int, say: Say = english) -> str:
    """Say how the comparisons of rows on an extra test set are made, below those on the dataset's own."""
    return say(
        "As the differences above, on these test pairs; Holm's correction covers these {count} comparisons.",
        count=count,
    )


def wrap(text: str) -> str:
    """Break a paragraph into lines for a Markdown file."""
    return fill(text, width=110, break_long_words=False, break_on_hyphens=False)
