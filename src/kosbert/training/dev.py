"""The dev score of a training: cosine Spearman, with our encoding; on several dev sets, the mean of theirs."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator

from kosbert.encoder.calibration import Calibration, fit
from kosbert.encoder.encode import encode
from kosbert.encoder.similarities import cosine

DEV_METRIC = "dev_spearman_cosine"  # as the library's evaluators would call it; the trainer puts `eval_` before
_OF_SET = re.compile(r"dev_(.+)_spearman_cosine$")

Pairs = Sequence[tuple[str, str, float]]  # sentence, sentence, gold score
Cosines = dict[str, NDArray[np.float64]]  # those of each dev set


def dev_score(metrics: Mapping[str, float]) -> float:
    """Return cosine Spearman x 100 on dev.

    Args:
        metrics: what the evaluator returns or the trainer logs.
    """
    return 100 * metrics.get(DEV_METRIC, metrics.get(f"eval_{DEV_METRIC}", math.nan))


def in_words(metrics: Mapping[str, float]) -> str:
    """Return the dev score in words, and those of its sets if there are several; see `dev_score`."""
    parts = [f"{found[1]} {100 * score:.2f}" for key, score in metrics.items() if (found := _OF_SET.search(key))]
    return f"dev cosine Spearman {dev_score(metrics):.2f}" + (f" ({', '.join(parts)})" if parts else "")


class DevEvaluator(BaseEvaluator):
    """An evaluator over sets of sentence pairs, some of which count."""

    def __init__(self, sets: Mapping[str, Pairs], *, counting: Sequence[str], bf16: bool | None = None) -> None:
        """Take the dev sets.

        Args:
            sets: the pairs of each set.
            counting: the sets whose mean is the dev score.
            bf16: see `encoder.encode.encoding`.
        """
        super().__init__()
        self.primary_metric = DEV_METRIC
        self._sets, self._counting, self._bf16 = sets, counting, bf16
        self._cosines: dict[float, Cosines] = {}

    def __call__(self, model: SentenceTransformer, *_: object, **__: object) -> dict[str, float]:
        """Score a model: the mean, and the score of each set where several count."""
        cosines = self._measure(model, self._counting)
        scores = {name: float(spearmanr(found, self._gold(name)).statistic) for name, found in cosines.items()}
        metrics = {DEV_METRIC: float(np.mean([*scores.values()]))}
        self._cosines.setdefault(dev_score(metrics), cosines)
        of_sets = {f"dev_{name}_spearman_cosine": score for name, score in scores.items()}
        return metrics | of_sets if len(scores) > 1 else metrics

    def calibrate(self, model: SentenceTransformer, score: float) -> Calibration:
        """Return what a cosine of a model means, by all sets together.

        Args:
            model: the model.
            score: its dev score; if it has been measured here, the sets that count are not encoded again.
        """
        cosines = self._cosines.get(score, {})
        cosines |= self._measure(model, [name for name in self._sets if name not in cosines])
        gold = np.concatenate([self._gold(name) for name in self._sets])
        return fit(np.concatenate([cosines[name] for name in self._sets]), gold)

    def _gold(self, name: str) -> NDArray[np.float64]:
        return np.array([score for *_, score in self._sets[name]])

    def _measure(self, model: SentenceTransformer, names: Sequence[str]) -> Cosines:
        """Return the cosines of some sets; all are encoded together, so no sentence twice."""
        pairs = [pair for name in names for pair in self._sets[name]]
        if not pairs:
            return {}
        texts = [*(pair[0] for pair in pairs), *(pair[1] for pair in pairs)]
        left, right = np.split(encode(model, texts, bf16=self._bf16), 2)
        ends = np.cumsum([len(self._sets[name]) for name in names])[:-1]
        return dict(zip(names, np.split(cosine(left, right), ends), strict=True))
