"""The eight figures of an encoder, by way of its predictions: four similarities for each pair of a test set."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import (
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
)

from kosbert.encoding import encode
from kosbert.errors import KosbertError
from kosbert.evaluation.figures import CORRELATIONS, FIGURES, SIMILARITIES
from kosbert.files import written_whole

GOLD = "gold"  # the column of the scores that predictions are held against
_PAIRWISE = dict(
    zip(
        SIMILARITIES,
        (pairwise_cos_sim, pairwise_euclidean_sim, pairwise_manhattan_sim, pairwise_dot_score),
        strict=True,
    )
)
_CORRELATE = dict(zip(CORRELATIONS, (pearsonr, spearmanr), strict=True))


def predict(
    encoder: SentenceTransformer, pairs: list[tuple[str, str, float]], *, bf16: bool | None = None
) -> pd.DataFrame:
    """Take the similarities of sentence pairs.

    Euclidean and Manhattan similarity are negated distances and dot is the raw product, of the embeddings as the
    encoder gives them; the original project's encoders do not normalise theirs.

    Args:
        encoder: the encoder.
        pairs: sentence, sentence, gold score.
        bf16: whether to encode in bf16; if None, where the hardware does.

    Returns:
        A row for each pair, in their order; columns `gold` and the four `SIMILARITIES`.
    """
    sentences1, sentences2, gold = map(list, zip(*pairs, strict=True))
    left, right = np.split(encode(encoder, [*sentences1, *sentences2], bf16=bf16), 2)
    similarities = {name: pairwise(left, right).numpy().astype(float) for name, pairwise in _PAIRWISE.items()}
    return pd.DataFrame({GOLD: gold, **similarities})


def figures(predictions: pd.DataFrame, *, source: Path) -> dict[str, float]:
    """Return the eight `FIGURES` of predictions, in that order, x 100 and rounded to two decimals.

    Args:
        predictions: as `predict` gives them.
        source: the file the pairs are from, to be named in an error.

    Raises:
        KosbertError: a figure is not a number: there are less than two pairs, or all have the same similarity or score.
    """
    if len(predictions) < 2:  # noqa: PLR2004 - a correlation is of two or more
        raise KosbertError(f"{source}: {len(predictions)} pair; a correlation needs at least two")
    for column in predictions:
        if predictions[column].nunique() < 2:  # noqa: PLR2004
            whose = "gold score" if column == GOLD else f"{column} similarity"
            raise KosbertError(f"{source}: all pairs have the same {whose}, so there is no correlation")
    found = (
        _CORRELATE[correlation](predictions[GOLD], predictions[similarity]).statistic
        for similarity, correlation in (name.split("_") for name in FIGURES)
    )
    return {name: round(100 * float(figure), 2) for name, figure in zip(FIGURES, found, strict=True)}


def write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    """Write predictions as TSV with a header, whole or not at all."""
    with written_whole(path) as draft:
        predictions.to_csv(draft, sep="\t", index=False, float_format="%.9g", lineterminator="\n")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read what `write_predictions` has written.

    Raises:
        KosbertError: the file is missing, or has other columns.
    """
    try:
        predictions = pd.read_csv(path, sep="\t")
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` makes it") from None
    if tuple(predictions) != (GOLD, *SIMILARITIES):
        raise KosbertError(f"{path}: expected the columns {GOLD}, {', '.join(SIMILARITIES)}; `dvc repro -f` makes it")
    return predictions
