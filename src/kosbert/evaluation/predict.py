"""What an encoder says of sentence pairs: four similarities for each, its predictions."""

import numpy as np
import pandas as pd
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import (
    pairwise_cos_sim,
    pairwise_dot_score,
    pairwise_euclidean_sim,
    pairwise_manhattan_sim,
)

from kosbert.encoder.encode import encode
from kosbert.metrics import SIMILARITIES
from kosbert.evaluation.scores import GOLD

_PAIRWISE = dict(
    zip(
        SIMILARITIES,
        (pairwise_cos_sim, pairwise_euclidean_sim, pairwise_manhattan_sim, pairwise_dot_score),
        strict=True,
    )
)


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
