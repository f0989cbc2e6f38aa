"""The eight metrics of predictions; and the file of predictions."""

from pathlib import Path

import numpy as np
import pandas as pd

from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write
from kosbert.metrics import CORRELATIONS, METRICS, SIMILARITIES

GOLD = "gold"  # the column of the gold scores


def compute_metrics(predictions: pd.DataFrame, *, source: Path) -> dict[str, float]:
    """Compute the eight `METRICS` of predictions, in that order, x 100 and rounded to two decimals.

    Args:
        predictions: the predictions, as `predict.predict` returns them.
        source: the file that an error names.

    Raises:
        KosbertError: there is no correlation: there are fewer than two pairs, or all have one similarity or score.
    """
    if len(predictions) < 2:  # noqa: PLR2004 - a correlation is of two or more
        raise KosbertError(f"{source}: {len(predictions)} pair; a correlation needs at least two")
    for column in predictions:
        if predictions[column].nunique() < 2:  # noqa: PLR2004
            value = "gold score" if column == GOLD else f"{column} similarity"
            raise KosbertError(f"{source}: all pairs have the same {value}, so there is no correlation")
        if not np.isfinite(predictions[column]).all():
            raise KosbertError(f"{source}: a pair has a {column} that is no finite number, so there is no correlation")
    tables = {correlation: predictions.corr(correlation) for correlation in CORRELATIONS}
    named = {name: name.split("_") for name in METRICS}
    return {
        name: round(100 * float(tables[correlation].loc[GOLD, similarity]), 2)
        for name, (similarity, correlation) in named.items()
    }


def write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    """Write predictions as TSV with a header, complete or not at all."""
    with atomic_write(path) as tmp:
        predictions.to_csv(tmp, sep="\t", index=False, float_format="%.9g", lineterminator="\n")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read what `write_predictions` has written.

    Raises:
        KosbertError: the file is missing, or has other columns.
    """
    try:
        predictions = pd.read_csv(path, sep="\t", dtype=float)
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` makes it") from None
    except (ValueError, OverflowError) as error:
        raise KosbertError(
            f"{path}: not a table of numbers: {one_line(error, 200)}; `dvc repro -f` makes it"
        ) from error
    if tuple(predictions) != (GOLD, *SIMILARITIES):
        raise KosbertError(f"{path}: expected the columns {GOLD}, {', '.join(SIMILARITIES)}; `dvc repro -f` makes it")
    if predictions.isna().any(axis=None) or not isinstance(predictions.index, pd.RangeIndex):
        raise KosbertError(f"{path}: a row does not have {len(predictions.columns)} numbers; `dvc repro -f` makes it")
    return predictions


def check_same_pairs(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Check that two tables with a column `gold` are of the same pairs, as far as gold scores tell.

    Raises:
        KosbertError: the tables differ in length, or in the gold score of a row.
    """
    advice = "predictions and test set must come from the same file; `dvc repro` makes them so"
    if len(one) != len(other):
        raise KosbertError(f"{len(one):,} pairs cannot be compared with {len(other):,}: {advice}")
    if (different := ~np.isclose(one[GOLD], other[GOLD])).any():
        row = int(different.argmax())
        here, there = one[GOLD].iloc[row], other[GOLD].iloc[row]
        raise KosbertError(f"pair {row + 1:,} has the gold score {here:g} in one and {there:g} in the other: {advice}")
