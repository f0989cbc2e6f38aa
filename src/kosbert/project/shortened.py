"""What a model's embeddings are worth when they are cut to their first numbers, as `truncate_dim` does."""

from collections.abc import Iterable

import numpy as np
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import pairwise_cos_sim, truncate_embeddings

from kosbert.encoder.encode import encode

CUTS = (384, 256, 128, 64)  # numbers of an embedding that are kept


def score_cuts(model: SentenceTransformer, pairs: Iterable[tuple[str, str, float]]) -> dict[int, float]:
    """Return the Spearman correlation of cosine and score, x 100 with two decimals, by the numbers that are kept.

    Args:
        model: the model.
        pairs: the pairs, each as sentence, sentence, score. They are to be of the dev set: a test set chooses nothing,
            and a reader of these figures will choose a number of dimensions by them.
    """
    sentences1, sentences2, scores = map(list, zip(*pairs, strict=True))
    embeddings = encode(model, [*sentences1, *sentences2], bf16=False)
    whole = embeddings.shape[1]
    return {
        kept: round(100 * _correlation(truncate_embeddings(embeddings, kept), scores), 2)
        for kept in (whole, *(cut for cut in CUTS if cut < whole))
    }


def _correlation(embeddings: np.ndarray, scores: list[float]) -> float:
    left, right = np.split(embeddings, 2)
    return float(spearmanr(scores, pairwise_cos_sim(left, right).numpy().astype(float)).statistic)
