"""Which rows of the table differ by more than chance in the choice of test pairs; and the file of the resampling."""

import json
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from kosbert.errors import KosbertError
from kosbert.files import write_text
from kosbert.params import BASE
from kosbert.report.resampling import LEVEL, Comparison, Interval, compare_predictions, intervals

FEW = 4  # rows of which all are compared with all
ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class RowComparison:
    """A comparison of the rows `one` and `other` in the `MAIN_METRIC`, and its p-value corrected by `holm`."""

    one: str
    other: str
    comparison: Comparison
    corrected: float

    @property
    def distinguishable(self) -> bool:
        """Whether the two rows differ by more than chance in the choice of test pairs."""
        return self.corrected < ALPHA


@dataclass(frozen=True)
class Resampled:
    """The confidence intervals of each row's metrics on a test set, and the differences of rows."""

    intervals: dict[str, dict[str, Interval]]
    differences: list[RowComparison]


def resample(predictions: dict[str, pd.DataFrame], *, seed: int, resamples: int) -> Resampled:
    """Resample the test pairs.

    Args:
        predictions: the predictions of each row, in the order of the table.
        seed: the seed of the draws.
        resamples: the number of draws for each interval and each comparison.

    Raises:
        KosbertError: two rows are not of the same pairs.
    """
    comparisons = {
        (one, other): compare_predictions(predictions[one], predictions[other], seed=seed, resamples=resamples)
        for one, other in pairs_to_compare(list(predictions))
    }
    corrected = holm([each.p_value for each in comparisons.values()])
    return Resampled(
        {name: intervals(frame, seed=seed, resamples=resamples) for name, frame in predictions.items()},
        [RowComparison(*rows, each, p) for (rows, each), p in zip(comparisons.items(), corrected, strict=True)],
    )


def pairs_to_compare(rows: list[str]) -> list[tuple[str, str]]:
    """Return all pairs of few rows; of more, each row with the base (or the first), and each with the next."""
    rows = sorted(rows, key=lambda row: row != BASE)
    pairs = list(combinations(rows, 2))
    near = {*((rows[0], row) for row in rows[1:]), *pairwise(rows)}
    return pairs if len(rows) <= FEW else [pair for pair in pairs if pair in near]


def holm(p_values: list[float]) -> list[float]:
    """Correct p-values for their number, so that any false alarm among them is as rare as one alone would be.

    Source: Holm, 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return [float(p) for p in corrected]


def write_resampled(resampled: dict[str, Resampled], path: Path) -> None:
    """Write the outcome of the resampling of each test set, by its name, as JSON, complete or not at all."""
    write_text(path, json.dumps({name: asdict(each) for name, each in resampled.items()}, indent=2) + "\n")


def read_resampled(path: Path) -> dict[str, Resampled]:
    """Read what `write_resampled` has written.

    Raises:
        KosbertError: the file is missing, or of another form.
    """
    try:
        return TypeAdapter(dict[str, Resampled]).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` creates it") from None
    except ValidationError as error:
        raise KosbertError(f"{path}: not what the stage `resample` writes; `dvc repro -f resample` makes it") from error
