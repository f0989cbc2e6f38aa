"""What embeddings are worth that are cut to their first numbers, as sentence-transformers' `truncate_dim` does."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kosbert.encoder.similarities import cosine
from kosbert.evaluation.scores import GOLD, check_correlation


def score_dimensions(
    encode: Callable[[list[str]], NDArray[Any]],
    pairs: list[tuple[str, str, float]],
    dimensions: Iterable[int],
    *,
    source: Path,
) -> dict[int, float]:
    """Score embeddings that are cut to their first numbers.

    Args:
        encode: a function from texts to their embeddings [texts, dimensions], such as an encoder's `encode`.
        pairs: the pairs, each as sentence, sentence, gold score. They are to be of a dev set: a test set chooses
            nothing, and a reader of these scores will choose a number of dimensions by them.
        dimensions: the numbers of dimensions to cut to; those that are not below the model's own do not matter.
        source: the file that an error names.

    Returns:
        The cosine Spearman, x 100 and rounded to two decimals, of whole embeddings first, then by falling numbers.

    Raises:
        KosbertError: there is no correlation; see `scores.check_correlation`.
    """
    check_correlation(pd.DataFrame({GOLD: [score for *_, score in pairs]}), str(source))
    sentences1, sentences2, gold = map(list, zip(*pairs, strict=True))
    left, right = np.split(encode([*sentences1, *sentences2]), 2)
    whole = left.shape[1]
    scores = {}
    for kept in (whole, *sorted({each for each in dimensions if each < whole}, reverse=True)):
        cut = pd.DataFrame({GOLD: gold, "cosine": cosine(left[:, :kept], right[:, :kept]).astype(np.float32)})
        cut_to = f", with embeddings cut to {kept} numbers (report.dimensions)" * (kept < whole)
        check_correlation(cut, f"{source}{cut_to}")
        scores[kept] = round(100 * float(cut[GOLD].corr(cut["cosine"], method="spearman")), 2)
    return scores
