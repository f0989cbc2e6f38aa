"""The eight figures of predictions, which are four similarities for each pair of a test set; and their file."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from kosbert.errors import KosbertError, one_line
from kosbert.metrics import CORRELATIONS, METRICS, SIMILARITIES
from kosbert.files import atomic_write

GOLD = "gold"  # the column of the scores that predictions are held against
_CORRELATE = dict(zip(CORRELATIONS, (pearsonr, spearmanr), strict=True))


def figures(predictions: pd.DataFrame, *, source: Path) -> dict[str, float]:
    """Return the eight `FIGURES` of predictions, in that order, x 100 and rounded to two decimals.

    Args:
        predictions: as `predict.predict` gives them.
        source: the file the pairs are from, to be named in an error.

    Raises:
        KosbertError: a figure is not a number: there are less than two pairs, or all have the same similarity or score.
    """
    if len(predictions) < 2:  # noqa: PLR2004 - a correlation is of two or more
        raise KosbertError(f"{source}: {len(predictions)} pair; a correlation needs at least two")
    for column in predictions:
        if predictions[column].nunique() < 2:  # noqa: PLR2004
            whose = "gold score" if column == GOLD else f"{column} similarity"
            raise KosbertError(f"{source}: all pairs have the same {whose}, so there is no correlation")
    found = (
        _CORRELATE[correlation](predictions[GOLD], predictions[similarity]).statistic
        for similarity, correlation in (name.split("_") for name in METRICS)
    )
    return {name: round(100 * float(figure), 2) for name, figure in zip(METRICS, found, strict=True)}


def write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    """Write predictions as TSV with a header, whole or not at all."""
    with atomic_write(path) as draft:
        predictions.to_csv(draft, sep="\t", index=False, float_format="%.9g", lineterminator="\n")


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
        raise KosbertError(f"{path}: no table of numbers: {one_line(error)[:200]}; `dvc repro -f` makes it") from error
    if tuple(predictions) != (GOLD, *SIMILARITIES):
        raise KosbertError(f"{path}: expected the columns {GOLD}, {', '.join(SIMILARITIES)}; `dvc repro -f` makes it")
    if predictions.isna().any(axis=None) or not isinstance(predictions.index, pd.RangeIndex):
        raise KosbertError(f"{path}: a row has not {len(predictions.columns)} numbers; `dvc repro -f` makes it")
    return predictions


def check_same_pairs(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Check that two tables with a column `gold` are of the same pairs, as far as gold scores tell.

    Raises:
        KosbertError: one has more rows, or a row has another score.
    """
    advice = "predictions and test set have to be of the same file; `dvc repro` makes them so"
    if len(one) != len(other):
        raise KosbertError(f"{len(one):,} pairs cannot be held against {len(other):,}: {advice}")
    if (different := ~np.isclose(one[GOLD], other[GOLD])).any():
        row = int(different.argmax())
        here, there = one[GOLD].iloc[row], other[GOLD].iloc[row]
        raise KosbertError(f"pair {row + 1:,} has the gold score {here:g} here and {there:g} there: {advice}")
