"""A model's predictions for sentence pairs: four similarities of the two embeddings of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kosbert.encoder.similarities import cosine, dot, euclidean, manhattan
from kosbert.evaluation.scores import GOLD
from kosbert.metrics import SIMILARITIES

_PAIRWISE = dict(zip(SIMILARITIES, (cosine, euclidean, manhattan, dot), strict=True))


def predict(encode: Callable[[list[str]], NDArray[Any]], pairs: list[tuple[str, str, float]]) -> pd.DataFrame:
    """Predict how similar the sentences of each pair are.

    Euclidean and Manhattan similarity are negated distances, and dot is the plain product, of the embeddings as they
    are; the original project's models do not normalise theirs.

    Args:
        encode: a function from texts to their embeddings [texts, dimensions], such as an encoder's `encode`.
        pairs: the pairs, each as sentence, sentence, gold score.

    Returns:
        A row for each pair, in their order; columns `gold` and the four `SIMILARITIES`. They have the precision of
        float32, as embeddings have, and as `write_predictions` writes it.
    """
    if not pairs:
        return pd.DataFrame(columns=[GOLD, *SIMILARITIES], dtype=float)
    sentences1, sentences2, gold = map(list, zip(*pairs, strict=True))
    left, right = np.split(encode([*sentences1, *sentences2]), 2)
    similarities = {
        name: pairwise(left, right).astype(np.float32).astype(float) for name, pairwise in _PAIRWISE.items()
    }
    return pd.DataFrame({GOLD: gold, **similarities})
