"""The dev score of a training: the library's evaluator over sentence pairs, with our encoding."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.util import pairwise_cos_sim

from kosbert.encoder.batches import Embeddings
from kosbert.encoder.calibration import Calibration, fit
from kosbert.encoder.encode import encode

DEV_METRIC = "dev_spearman_cosine"  # as an evaluator named `dev` calls it; the trainer puts `eval_` before


def dev_score(metrics: dict[str, float]) -> float:
    """Return cosine Spearman x 100 on dev.

    Args:
        metrics: what the evaluator returns or the trainer logs.
    """
    return 100 * metrics.get(DEV_METRIC, metrics.get(f"eval_{DEV_METRIC}", math.nan))


class PairEvaluator(EmbeddingSimilarityEvaluator):
    """The library's evaluator over sentence pairs; both sides are encoded together, so no sentence twice."""

    def __init__(self, pairs: Iterable[tuple[str, str, float]], *, bf16: bool | None = None, **options: object) -> None:
        sentences1, sentences2, scores = map(list, zip(*pairs, strict=True))
        super().__init__(sentences1, sentences2, scores, main_similarity="cosine", write_csv=False, **options)
        self._bf16 = bf16
        self._sides: list[Embeddings] = []
        self._cosines: dict[float, NDArray[np.float64]] = {}

    def __call__(self, model: SentenceTransformer, *arguments: object, **options: object) -> dict[str, float]:
        """Score a model: Pearson and Spearman of each similarity."""
        self._sides = np.split(encode(model, [*self.sentences1, *self.sentences2], bf16=self._bf16), 2)
        metrics: dict[str, float] = super().__call__(model, *arguments, **options)
        left, right = (side.astype(np.float64) for side in self._sides)
        self._cosines.setdefault(dev_score(metrics), pairwise_cos_sim(left, right).numpy())
        return metrics

    def calibrate(self, model: SentenceTransformer, score: float) -> Calibration:
        """Return what a cosine of a model means.

        Args:
            model: the model.
            score: its dev score; if it has been measured here, nothing is encoded again.
        """
        if score not in self._cosines:
            score = dev_score(self(model))
        return fit(self._cosines[score], self.scores)

    def embed_inputs(self, _: SentenceTransformer, sentences: list[str], **__: object) -> Embeddings:
        """Return the embeddings of one side [sentences, dimensions]."""
        return self._sides[0 if sentences is self.sentences1 else 1]
