"""The eight figures: Pearson and Spearman of four similarities with the gold scores."""

import math
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from kosbert.data.tables import read_tune
from kosbert.errors import KosbertError
from kosbert.evaluation.figures import FIGURES, SIMILARITIES


def evaluate(encoder: SentenceTransformer, test: Path) -> dict[str, float]:
    """Score an encoder on a tune file.

    Euclidean and Manhattan similarity are negated distances and dot is the raw product, of the embeddings as the
    encoder gives them; the original project's encoders do not normalise theirs.

    Returns:
        The eight `FIGURES`, in that order, x 100 and rounded to two decimals.

    Raises:
        KosbertError: a row of the file is malformed, or a figure is not a number (all similarities are equal).
    """
    sentences1, sentences2, gold = map(list, zip(*read_tune(test), strict=True))
    evaluator = EmbeddingSimilarityEvaluator(
        sentences1, sentences2, gold, batch_size=32, main_similarity="cosine", similarity_fn_names=[*SIMILARITIES]
    )
    found = evaluator(encoder)
    # The evaluator calls them spearman_cosine and so on.
    figures = {name: round(100 * float(found["_".join(reversed(name.split("_")))]), 2) for name in FIGURES}
    for name, figure in figures.items():
        if not math.isfinite(figure):
            raise KosbertError(f"{name} on {test} is {figure}: the encoder gives all pairs the same similarity")
    return figures
