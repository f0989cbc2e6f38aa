"""What the metrics, intervals, comparisons and slices mean: the same words in the Markdown files and on the page."""

from textwrap import fill

from kosbert.report.resampling import LEVEL
from kosbert.report.results import Results
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


def intervals(results: Results) -> str:
    """Explain the confidence intervals."""
    resamples, pairs = results.params.report.resamples, len(results.test)
    return (
        f"Each of our metrics has its {SHARE} confidence interval, from {resamples:,} bootstrap resamples of the "
        f"{pairs:,} test pairs. It allows for other test pairs of this kind, not for other trainings."
        + " The published rows have no interval: only their metrics were published."
        * results.params.chosen_dataset.comparable
    )


def comparisons(results: Results) -> str:
    """Explain the comparisons of rows."""
    draws, count = results.params.report.resamples, len(results.comparisons)
    return (
        f"Cosine Spearman × 100 of one row minus that of another, with its {SHARE} interval, on the same resampled "
        "test pairs. The p-value is that of approximate randomisation (two-sided): how often a difference is as large "
        f"when the two models' predictions of random pairs are swapped, in {draws:,} draws. Of {count} comparisons "
        "some may have a small p-value by chance, so two rows are called distinguishable only where the p-value is "
        f"below {100 * ALPHA:.0f} % after Holm's correction (1979); the intervals are not corrected. All this is about "
        "test pairs, not about training seeds: with another seed, the same recipes give other models."
    )


def wrap(text: str) -> str:
    """Break a paragraph into lines for a Markdown file."""
    return fill(text, width=110, break_long_words=False, break_on_hyphens=False)
