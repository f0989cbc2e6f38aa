"""The eight figures: Pearson and Spearman of four similarities with the gold scores."""

import math
from pathlib import Path

from sentence_transformers import SentenceTransformer

from kosbert.data.tables import read_tune
from kosbert.encoding import PairEvaluator
from kosbert.errors import KosbertError
from kosbert.evaluation.figures import FIGURES, SIMILARITIES


def evaluate(encoder: SentenceTransformer, test: Path, *, bf16: bool | None = None) -> dict[str, float]:
    """Score an encoder on a tune file.

    Euclidean and Manhattan similarity are negated distances and dot is the raw product, of the embeddings as the
    encoder gives them; the original project's encoders do not normalise theirs.

    Args:
        encoder: the encoder.
        test: the tune file.
        bf16: whether to encode in bf16; if None, where the hardware does.

    Returns:
        The eight `FIGURES`, in that order, x 100 and rounded to two decimals.

    Raises:
        KosbertError: a row of the file is malformed, or a figure is not a number (all similarities are equal).
    """
    found = PairEvaluator(read_tune(test), bf16=bf16, similarity_fn_names=[*SIMILARITIES])(encoder)
    # The evaluator calls them spearman_cosine and so on.
    figures = {name: round(100 * float(found["_".join(reversed(name.split("_")))]), 2) for name in FIGURES}
    for name, figure in figures.items():
        if not math.isfinite(figure):
            raise KosbertError(f"{name} on {test} is {figure}: the encoder gives all pairs the same similarity")
    return figures
