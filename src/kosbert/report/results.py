"""All that the report is made of, read once: rows, comparisons, test set and costs."""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from kosbert.errors import KosbertError, one_line
from kosbert.evaluation.scores import compute_metrics, read_predictions
from kosbert.files import weights_digest
from kosbert.metrics import MAIN_METRIC, Cost, find_cost
from kosbert.params import Params
from kosbert.report.resampling import Interval
from kosbert.report.significance import RowComparison, read_resampled
from kosbert.report.slices import Slice, read_test, slices


@dataclass(frozen=True)
class Row:
    """A row of the table: one of our encoders on the test set.

    Attributes:
        name: the name of the row.
        label: the label of the row in tables.
        predictions: the predictions for the test set.
        metrics: the eight metrics, x 100.
        intervals: the confidence interval of each metric.
        parameters: the number of the encoder's parameters.
    """

    name: str
    label: str
    predictions: pd.DataFrame
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    parameters: int

    @property
    def score(self) -> float:
        """The `MAIN_METRIC`, by which rows are ranked."""
        return self.metrics[MAIN_METRIC]


@dataclass(frozen=True)
class Results:
    """All models side by side: what the table, the details, the pictures and the page show.

    Attributes:
        params: the parameters.
        rows: the rows, in the order of the table.
        comparisons: the comparisons of rows.
        test: the test set, as `slices.read_test` returns it.
        costs: the cost of each recipe's training, or None where it is not known.
    """

    params: Params
    rows: list[Row]
    comparisons: list[RowComparison]
    test: pd.DataFrame
    costs: dict[str, Cost | None]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The eight metrics of each row."""
        return {row.name: row.metrics for row in self.rows}

    @cached_property
    def slices(self) -> dict[str, list[Slice]]:
        """The parts of the test set, by the property that divides it."""
        return slices(self.test, {row.name: row.predictions for row in self.rows})

    @property
    def best(self) -> Row:
        """The row with the highest cosine Spearman; of equals, the first."""
        return max(self.rows, key=lambda row: row.score)


def gather(
    params: Params,
    *,
    predictions: Path,
    resampled: Path,
    models: Path,
    measured: Path,
    costs: Path,
    raw: Path,
    train: Path,
    dev: Path,
) -> Results:
    """Read all that the report is made of.

    Args:
        params: the parameters, which name the rows.
        predictions: the folder of the predictions, `<row>.tsv`.
        resampled: the file that the stage `resample` has written.
        models: the folder of the encoders.
        measured: the folder of the costs that trainings have measured.
        costs: the folder of the recorded costs, `<recipe>.json`.
        raw: the folder of the dataset's upstream files.
        train: the tune file of the training pairs.
        dev: the tune file of the dev pairs.

    Raises:
        KosbertError: a file is missing or not readable, or predictions and test set are not of the same pairs.
    """
    found = read_resampled(resampled)
    rows = []
    for name, label in params.report.rows.items():
        path = predictions / f"{name}.tsv"
        frame = read_predictions(path)
        metrics = compute_metrics(frame, source=path)
        rows.append(Row(name, label, frame, metrics, found.intervals[name], count_parameters(models / name)))
    return Results(
        params,
        rows,
        found.differences,
        read_test(raw / params.chosen_dataset.sts.test.path, train, dev),
        {
            recipe: find_cost(costs / f"{recipe}.json", measured, weights_digest(models / recipe))
            for recipe in params.recipes
        },
    )


def count_parameters(folder: Path) -> int:
    """Count the parameters of an encoder by the headers of its weight files.

    Raises:
        KosbertError: the folder has no such files, or one is not readable.
    """
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise KosbertError(f"{folder}: no weights (*.safetensors) there; `dvc repro` makes them")
    return sum(map(_parameters_in, files))


def _parameters_in(path: Path) -> int:
    try:
        with safe_open(path, framework="numpy") as weights:
            return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise KosbertError(
            f"{path}: not readable as safetensors: {one_line(error)}; `dvc repro -f` makes it"
        ) from error
