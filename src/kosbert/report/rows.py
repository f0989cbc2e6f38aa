"""What the report is about: each row of the table with its predictions, figures, intervals and size."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from kosbert.errors import KosbertError, one_line
from kosbert.metrics import MAIN
from kosbert.report.significance import Resampled
from kosbert.evaluation.scores import figures, read_predictions
from kosbert.report.resampling import Interval
from kosbert.params import Params


@dataclass(frozen=True)
class Row:
    """A row of the table: an encoder of ours on the test set.

    `figures` are x 100, `intervals` theirs; `parameters` is how many numbers the encoder has.
    """

    name: str
    label: str
    predictions: pd.DataFrame
    figures: dict[str, float]
    intervals: dict[str, Interval]
    parameters: int


def gather(params: Params, predictions: Path, models: Path, resampled: Resampled) -> list[Row]:
    """Read the rows of the table, in its order.

    Args:
        params: names the rows.
        predictions: the folder of `<row>.tsv`.
        models: the folder of the encoders.
        resampled: what resampling says of these rows.

    Raises:
        KosbertError: predictions or an encoder's weights are missing or unreadable.
    """
    rows = []
    for name, label in params.report.rows.items():
        path = predictions / f"{name}.tsv"
        predicted = read_predictions(path)
        rows.append(
            Row(
                name,
                label,
                predicted,
                figures(predicted, source=path),
                resampled.intervals[name],
                count_parameters(models / name),
            )
        )
    return rows


def count_parameters(folder: Path) -> int:
    """Return how many numbers an encoder has, from the headers of its weight files.

    Raises:
        KosbertError: there are no such files, or one is not readable.
    """
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise KosbertError(f"{folder}: no weights (*.safetensors) there; `dvc repro` makes them")
    return sum(map(_in_file, files))


def _in_file(path: Path) -> int:
    try:
        with safe_open(path, framework="numpy") as weights:
            return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise KosbertError(
            f"{path}: not readable as safetensors: {one_line(error)}; `dvc repro -f` makes it"
        ) from error


def best(rows: list[Row]) -> Row:
    """Return the row with the highest cosine Spearman; of equals, the first."""
    return max(rows, key=lambda row: row.figures[MAIN])
