"""All that the report is made of, read once: rows, comparisons, test sets, dimensions and costs."""

import math
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pandas as pd
from safetensors import SafetensorError, safe_open

from kosbert.encoder.calibration import Calibration, read_calibration
from kosbert.errors import KosbertError, one_line
from kosbert.evaluation.scores import compute_metrics, prediction_files, read_predictions
from kosbert.files import weights_digest
from kosbert.metrics import MAIN_METRIC, Cost, find_cost, read_dimensions
from kosbert.params import PARAMS, STS, ExtraSts, Params
from kosbert.report.language import Say, english
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
        calibration: what a cosine of the encoder means; None if that is not known.
    """

    name: str
    label: str
    predictions: pd.DataFrame
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    parameters: int
    calibration: Calibration | None

    @property
    def score(self) -> float:
        """The `MAIN_METRIC`, by which rows are ranked."""
        return self.metrics[MAIN_METRIC]

    @property
    def cosines(self) -> dict[str, float]:
        """The cosine of each score from 1 to 4, and that of a match; NaN where the calibration has none."""
        scores = self.calibration.whole_scores if self.calibration else {}
        match = self.calibration.match if self.calibration else None
        found = {str(score): scores.get(score, math.nan) for score in (1, 2, 3, 4)}
        return found | {"match": math.nan if match is None else match}


@dataclass(frozen=True)
class ExtraTest:
    """An extra test set, and all rows on it.

    Attributes:
        name: the name of the test set.
        about: the parameters of the scored pairs that it belongs to.
        pairs: the number of its pairs.
        metrics: the eight metrics of each row, x 100.
        intervals: the confidence interval of each metric of each row.
        comparisons: the comparisons of rows.
        seen: the rows that were trained on the training pairs that come with it.
    """

    name: str
    about: ExtraSts
    pairs: int
    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, Interval]]
    comparisons: list[RowComparison]
    seen: list[str]


@dataclass(frozen=True)
class Results:
    """All models side by side: what the table, the details, the pictures and the page show.

    Attributes:
        params: the parameters.
        rows: the rows, in the order of the table.
        comparisons: the comparisons of rows.
        test: the test set, as `slices.read_test` returns it.
        costs: the cost of each recipe's training, or None where it is not known.
        extra: the extra test sets.
        dimensions: the scores of embeddings cut to fewer numbers, by dev set, row, and how many are kept.
    """

    params: Params
    rows: list[Row]
    comparisons: list[RowComparison]
    test: pd.DataFrame
    costs: dict[str, Cost | None]
    extra: list[ExtraTest]
    dimensions: dict[str, dict[str, dict[int, float]]]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The eight metrics of each row."""
        return {row.name: row.metrics for row in self.rows}

    @property
    def extra_metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        """The eight metrics of each row on each extra test set."""
        return {row.name: {each.name: each.metrics[row.name] for each in self.extra} for row in self.rows}

    @property
    def dimensions_kept(self) -> list[int]:
        """How many numbers of embeddings are kept in `dimensions`, the most first."""
        scores = (each for rows in self.dimensions.values() for each in rows.values())
        return sorted({kept for each in scores for kept in each}, reverse=True)

    def slices(self, say: Say = english) -> dict[str, list[Slice]]:
        """Return the parts of the test set, by the property that divides it."""
        return slices(self.test, {row.name: row.predictions for row in self.rows}, say)

    @property
    def best(self) -> Row:
        """The row with the highest cosine Spearman; of equals, the first."""
        return max(self.rows, key=lambda row: row.score)


def gather(
    params: Params,
    *,
    predictions: Path,
    resampled: Path,
    dimensions: Path,
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
        predictions: the folder of the predictions, `<row>.tsv` and `extra/<row>/<name>.tsv`.
        resampled: the file that the stage `resample` has written.
        dimensions: the folder of the dev scores of shortened embeddings, `<row>.json`.
        models: the folder of the encoders.
        measured: the folder of the costs that trainings have measured.
        costs: the folder of the recorded costs, `<recipe>.json`.
        raw: the folder of the dataset's upstream files.
        train: the tune file of the training pairs.
        dev: the tune file of the dev pairs.

    Raises:
        KosbertError: a file is missing or not readable, or predictions and test set are not of the same pairs.
    """
    found, labels, extra = read_resampled(resampled), params.report.rows, params.chosen_dataset.sts.extra
    if {name: {*each.intervals} for name, each in found.items()} != {name: {*labels} for name in [STS, *extra]}:
        raise KosbertError(f"{resampled}: of other rows or test sets than those of {PARAMS}; `dvc repro` recreates it")
    files = prediction_files(predictions, [*labels], own=STS)
    if {*files} != {*found}:
        raise KosbertError(
            f"{predictions}: for the test sets {', '.join(files)}, but {PARAMS} names {', '.join(found)}; "
            "`dvc repro` recreates them"
        )
    frames = {name: {row: read_predictions(path) for row, path in each.items()} for name, each in files.items()}
    metrics = {
        name: {row: compute_metrics(frames[name][row], source=path) for row, path in each.items()}
        for name, each in files.items()
    }
    return Results(
        params,
        [
            Row(
                name,
                label,
                frames[STS][name],
                metrics[STS][name],
                found[STS].intervals[name],
                count_parameters(models / name),
                read_calibration(models / name),
            )
            for name, label in labels.items()
        ],
        found[STS].differences,
        read_test(raw / params.chosen_dataset.sts.test.path, train, dev),
        {
            recipe: find_cost(costs / f"{recipe}.json", measured, weights_digest(models / recipe))
            for recipe in params.recipes
        },
        [
            ExtraTest(
                name,
                about,
                len(next(iter(frames[name].values()))),
                metrics[name],
                found[name].intervals,
                found[name].differences,
                [row for row in labels if name in params.seen(row)],
            )
            for name, about in extra.items()
        ],
        _gather_dimensions(params, dimensions),
    )


def _gather_dimensions(params: Params, folder: Path) -> dict[str, dict[str, dict[int, float]]]:
    devs = [STS, *(name for name, each in params.chosen_dataset.sts.extra.items() if each.train)]
    found = {}
    for row in params.report.rows:
        path = folder / f"{row}.json"
        found[row] = read_dimensions(path)
        if {*found[row]} != {*devs}:
            raise KosbertError(
                f"{path}: of the dev sets {', '.join(found[row])}, but {PARAMS} names {', '.join(devs)}; "
                "`dvc repro` recreates it"
            )
    return {dev: {row: scores[dev] for row, scores in found.items()} for dev in devs}


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
            f"{path}: not readable as safetensors: {one_line(error)}; `dvc repro -f` recreates it"
        ) from error
