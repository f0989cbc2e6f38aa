"""What a cosine of a model means: as a score from 0 to 5, and whether two sentences match.

Models differ: for one, a cosine of 0.7 is a paraphrase, for another, two sentences with nothing in common. A
calibration is made on dev and lies in the model's folder. It needs no torch, for exported models have one too.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kosbert.errors import KosbertError, one_line

CALIBRATION = "calibration.json"
MATCH = 3  # the score from which pairs match: "roughly equivalent" in STS, and 1 in the binary labels of KLUE-STS
BIN_PAIRS, MAX_BINS = 20, 50  # pairs in a bin, at least, and bins, at most
DECIMALS = 4


@dataclass(frozen=True)
class Calibration:
    """A piecewise linear map between cosines and scores, and the cosine that divides matches from other pairs.

    Attributes:
        cosine: the cosines of its knots, increasing.
        score: the scores of the knots, increasing: 0 is unrelated and 5 equivalent, as in KorSTS.
        pairs: the number of pairs that it was made on.
        match: the cosine at which a pair is as likely a match (a score of `MATCH` or more) as not; None if the model
            has no such cosine, or is older than this attribute.
    """

    cosine: tuple[float, ...]
    score: tuple[float, ...]
    pairs: int
    match: float | None = None

    def score_of(self, cosine: float) -> float:
        """Return the score that pairs with this cosine have on average; outside the knots, that of the nearest."""
        return float(np.interp(cosine, self.cosine, self.score))

    def cosine_of(self, score: float) -> float:
        """Return the cosine of pairs that have this score on average.

        Raises:
            KosbertError: the model has no such cosine, for its cosines tell pairs of that score from no others.
        """
        if not self.score[0] <= score <= self.score[-1]:
            raise KosbertError(
                f"the model's calibration covers scores from {self.score[0]:g} to {self.score[-1]:g}, not "
                f"{score:g}; give a cosine instead"
            )
        return float(np.interp(score, self.score, self.cosine))

    @property
    def whole_scores(self) -> dict[int, float]:
        """The cosine of each whole score that the calibration reaches."""
        scores = range(math.ceil(self.score[0]), math.floor(self.score[-1]) + 1)
        return {score: self.cosine_of(score) for score in scores}


def fit(cosines: ArrayLike, scores: ArrayLike) -> Calibration:
    """Fit a calibration: means over pairs of like cosine, made to increase (isotonic regression).

    Barlow et al. 1972, "Statistical Inference under Order Restrictions".

    Args:
        cosines: the cosine of each pair [pairs], at least one.
        scores: the gold score of each pair [pairs].
    """
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - only making a calibration needs it

    values = np.stack([np.nan_to_num(np.asarray(cosines, float)), np.asarray(scores, float)])
    values = values[:, np.argsort(values[0], kind="stable")]
    pairs = values.shape[1]
    bins = np.array_split(values, min(MAX_BINS, max(1, pairs // BIN_PAIRS)), axis=1)
    sizes = np.array([each.shape[1] for each in bins])
    means = np.array([each.mean(axis=1) for each in bins])
    blocks = isotonic_regression(means[:, 1], weights=sizes).blocks
    parts = [slice(first, end) for first, end in pairwise(blocks)]
    knots = np.array([np.average(means[part], axis=0, weights=sizes[part]) for part in parts]).round(DECIMALS)
    knots = knots[np.concatenate([[True], (np.diff(knots, axis=0) > 0).all(axis=1)])]  # rounding can make two equal
    match = _match(values[0], values[1] >= MATCH)
    return Calibration(tuple(knots[:, 0].tolist()), tuple(knots[:, 1].tolist()), pairs, match)


def _match(cosines: NDArray[np.float64], matches: NDArray[np.bool_]) -> float | None:
    """Return the cosine at which a pair is as likely a match as not, by a logistic curve; None if there is none.

    Platt 1999, "Probabilistic Outputs for Support Vector Machines". Over bootstrap samples of dev, this cosine varies a
    third as much as where an isotonic regression of the matches passes one half, for that depends on few pairs.

    Args:
        cosines: the cosine of each pair [pairs], increasing.
        matches: whether each pair is a match [pairs].
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - as above

    if matches.all() or not matches.any() or cosines[-1] - cosines[0] < 10**-DECIMALS:
        return None
    centre, spread = cosines.mean(), cosines.std()
    wanted = np.where(matches, 1 - 1 / (matches.sum() + 2), 1 / ((~matches).sum() + 2))  # Platt's: no slope is endless

    def loss(line: NDArray[np.float64]) -> float:
        logits = line[0] * (cosines - centre) / spread + line[1]
        return float(np.mean(np.logaddexp(0, logits) - wanted * logits))

    slope, intercept = minimize(loss, np.zeros(2)).x
    cosine = centre - spread * intercept / slope if slope > 0 else math.inf
    return round(float(cosine), DECIMALS) if cosines[0] <= cosine <= cosines[-1] else None


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into a model's folder."""
    text = json.dumps(asdict(calibration), indent=1) + "\n"
    (folder / CALIBRATION).write_text(text, encoding="utf-8", newline="\n")


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a model's folder; None where there is none.

    Raises:
        KosbertError: the file is not as it was written.
    """
    file = folder / CALIBRATION
    if not file.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        cosine, score = zip(*zip(values["cosine"], values["score"], strict=True), strict=True)
        return Calibration(_increasing(cosine), _increasing(score), int(values["pairs"]), _cosine(values.get("match")))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise KosbertError(f"{file}: damaged ({one_line(error, 120)}); download or train the model again") from error


def _increasing(values: Iterable[Any]) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if not numbers or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise ValueError("expected increasing numbers")
    return numbers


def _cosine(value: Any) -> float | None:  # noqa: ANN401 - what JSON has
    if value is not None and not -1 <= float(value) <= 1:
        raise ValueError("expected a cosine")
    return None if value is None else float(value)
