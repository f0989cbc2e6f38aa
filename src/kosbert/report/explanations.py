"""What the metrics, intervals, comparisons and slices mean: the same words in the Markdown files and on the page."""

from pathlib import Path
from textwrap import fill

from kosbert.encoder.calibration import MATCH
from kosbert.params import ExtraSts, Params
from kosbert.report.resampling import LEVEL
from kosbert.report.significance import ALPHA
from kosbert.report.slices import FEWEST

SHARE = f"{100 * LEVEL:.0f} %"
METRICS = (
    "Pearson (P) and Spearman (S) correlation × 100 of the gold scores with the embeddings' cosine, "
    "negated Euclidean and Manhattan distance, and dot product."
)
SLICES = (
    "Cosine Spearman × 100 of each row on parts of the test set. Length is the mean number of characters of the two "
    "sentences; word overlap is the share of their words that both have (Jaccard). A part whose gold scores differ "
    "less has lower correlations for that reason alone, so compare along the rows. "
    f"n/a: fewer than {FEWEST} pairs, or all with the same score."
)
DIMENSIONS = (
    "Cosine Spearman × 100 on the dev sets of embeddings that are cut to their first numbers, as "
    "`SentenceTransformer(model, truncate_dim=128)` does; with the bytes of an embedding in float32. Search and "
    "clustering take time and memory in proportion. The test sets choose nothing, so they are not in this table."
)

CALIBRATION = (
    "The cosine at which pairs have a score of 1, 2, 3 or 4 on average, from 0 (unrelated) to 5 (equivalent), and the "
    f"one at which a pair is as likely a match (a score of {MATCH} or more) as not. They are made on the dev sets "
    "together, and lie in each model's folder (`calibration.json`). Pairs of one kind can score half a point or more "
    "above or below."
)


def extra_test(about: ExtraSts) -> str:
    """Say what an extra test set is, and what it is to have seen it."""
    return (
        f"{about.title}: the {about.test.rows:,} pairs of `{Path(about.test.path).name}` ({about.license}), by which "
        "nothing was chosen."
        + " Seen: whether the row was trained on the training pairs that come with them."
        * bool(about.train)
    )


def intervals(params: Params, pairs: int, *, published: bool = False) -> str:
    """Explain the confidence intervals of a table.

    Args:
        params: the parameters.
        pairs: the number of test pairs.
        published: whether published rows are in the table.
    """
    return (
        f"Each of our metrics has its {SHARE} confidence interval, from {params.report.resamples:,} bootstrap "
        f"resamples of the {pairs:,} test pairs. It allows for other test pairs of this kind, not for other trainings."
        + " The published rows have no interval: only their metrics were published."
        * published
    )


def comparisons(params: Params, count: int) -> str:
    """Explain the comparisons of rows, and say how many there are on a test set."""
    draws = params.report.resamples
    return (
        f"Cosine Spearman × 100 of one row minus that of another, with its {SHARE} interval, on the same resampled "
        "test pairs. The p-value is that of approximate randomisation (two-sided): how often a difference is as large "
        f"when the two models' predictions of random pairs are swapped, in {draws:,} draws. Of {count} comparisons "
        "some may have a small p-value by chance, so two rows are called distinguishable only where the p-value is "
        f"below {100 * ALPHA:.0f} % after Holm's correction (1979); the intervals are not corrected. All this is about "
        "test pairs, not about training seeds: with another seed, the same recipes give other models."
    )


def extra_comparisons(count: int) -> str:
    """Say how the comparisons of rows on an extra test set are made, below those on the dataset's own."""
    return f"As the differences above, on these test pairs; Holm's correction is of these {count} comparisons alone."


def wrap(text: str) -> str:
    """Break a paragraph into lines for a Markdown file."""
    return fill(text, width=110, break_long_words=False, break_on_hyphens=False)
