"""The eight metrics of predictions; and the file of predictions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write, tables_in
from kosbert.metrics import CORRELATIONS, METRICS, SIMILARITIES

GOLD = "gold"  # the column of the gold scores
EXTRA = "extra"  # the folder of the predictions for extra test sets


def compute_metrics(predictions: pd.DataFrame, *, source: Path) -> dict[str, float]:
    """Compute the eight `METRICS` of predictions, in that order, x 100 and rounded to two decimals.

    Args:
        predictions: the predictions, as `predict.predict` returns them.
        source: the file that an error names.

    Raises:
        KosbertError: there is no correlation; see `check_correlation`.
    """
    check_correlation(predictions, str(source))
    tables = {correlation: predictions.corr(correlation) for correlation in CORRELATIONS}
    named = {name: name.split("_") for name in METRICS}
    return {
        name: round(100 * float(tables[correlation].loc[GOLD, similarity]), 2)
        for name, (similarity, correlation) in named.items()
    }


def check_correlation(predictions: pd.DataFrame, where: str) -> None:
    """Check that similarities can be correlated with gold scores.

    Args:
        predictions: a column `gold`, and one or more of similarities.
        where: what an error names.

    Raises:
        KosbertError: there are fewer than two pairs, all have one similarity or score, or one is no finite number.
    """
    if len(predictions) < 2:  # noqa: PLR2004 - a correlation is of two or more
        pairs = "1 pair" if len(predictions) else "no pairs"
        raise KosbertError(f"{where}: {pairs}; a correlation needs at least 2")
    for column in predictions:
        if predictions[column].nunique() < 2:  # noqa: PLR2004
            value = "gold score" if column == GOLD else f"{column} similarity"
            raise KosbertError(f"{where}: all pairs have the same {value}, so there is no correlation")
        if not np.isfinite(predictions[column]).all():
            raise KosbertError(f"{where}: a pair has a {column} that is not finite, so there is no correlation")


def write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    """Write predictions as TSV with a header, complete or not at all."""
    with atomic_write(path) as tmp:
        predictions.to_csv(tmp, sep="\t", index=False, float_format="%.9g", lineterminator="\n")


def write_predictions_of(sets: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write the predictions for each of several test sets, by its name, into a folder, complete or not at all."""
    with atomic_write(folder) as tmp:
        tmp.mkdir()
        for name, predictions in sets.items():
            write_predictions(predictions, tmp / f"{name}.tsv")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read what `write_predictions` has written.

    Raises:
        KosbertError: the file is missing, or has other columns.
    """
    try:
        predictions = pd.read_csv(path, sep="\t", dtype=float)
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` creates it") from None
    except (ValueError, OverflowError) as error:
        raise KosbertError(
            f"{path}: not a table of numbers: {one_line(error, 200)}; `dvc repro -f` recreates it"
        ) from error
    if tuple(predictions) != (GOLD, *SIMILARITIES):
        raise KosbertError(
            f"{path}: expected the columns {GOLD}, {', '.join(SIMILARITIES)}; `dvc repro -f` recreates it"
        )
    if predictions.isna().any(axis=None) or not isinstance(predictions.index, pd.RangeIndex):
        raise KosbertError(
            f"{path}: a row does not have {len(predictions.columns)} numbers; `dvc repro -f` recreates it"
        )
    return predictions


def prediction_files(folder: Path, rows: Sequence[str], *, own: str) -> dict[str, dict[str, Path]]:
    """Return the files of the predictions of all rows of the table for all test sets.

    Args:
        folder: the folder of the predictions: `<row>.tsv`, and `extra/<row>/<name>.tsv` for extra test sets.
        rows: the names of the rows.
        own: the name of the dataset's own test set.

    Returns:
        The file of each row, by the name of the test set; `own` is the first.

    Raises:
        KosbertError: the rows have different test sets.
    """
    files = {row: {own: folder / f"{row}.tsv", **tables_in(folder / EXTRA / row)} for row in rows}
    first, *others = rows
    for row in others:
        if {*files[row]} != {*files[first]}:
            raise KosbertError(
                f"{folder}: {first} was scored on {', '.join(files[first])}, and {row} on {', '.join(files[row])}; "
                "`dvc repro` brings them in line"
            )
    return {name: {row: files[row][name] for row in rows} for name in files[first]}


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
