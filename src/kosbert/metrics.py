"""The metrics of an encoder, and what its training cost: their names, one reader and one writer for each file.

What a training cost is no output that DVC watches, for times differ from run to run. A cost belongs to the weights that
the training gave: it is measured by the training, and recorded beside the metrics when the report is made. A benchmark
that gives the same weights again keeps the recorded costs, so that it changes no file.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError
from kosbert.files import write_text

SIMILARITIES = ("cosine", "euclidean", "manhattan", "dot")
CORRELATIONS = ("pearson", "spearman")
METRICS = tuple(f"{similarity}_{correlation}" for similarity in SIMILARITIES for correlation in CORRELATIONS)
MAIN_METRIC = "cosine_spearman"  # what models are compared by
ANEW = "`dvc repro -f` recreates it"


def write_metrics(path: Path, metrics: dict[str, float]) -> None:
    """Write the eight `METRICS`, x 100, as a flat JSON object."""
    _write(path, metrics)


def read_metrics(path: Path) -> dict[str, float]:
    """Read a metrics file: the eight `METRICS`, x 100.

    Raises:
        KosbertError: the file is missing, or does not hold exactly these.
    """
    return _checked_metrics(_read(path), where=str(path))


def write_extra_metrics(path: Path, metrics: dict[str, dict[str, float]]) -> None:
    """Write the eight `METRICS` on each extra test set, by its name."""
    _write(path, metrics)


def read_extra_metrics(path: Path) -> dict[str, dict[str, float]]:
    """Read what `write_extra_metrics` has written.

    Raises:
        KosbertError: the file is missing, or does not hold exactly the eight for each name.
    """
    return {name: _checked_metrics(each, where=f"{path}, {name}") for name, each in _blocks(path).items()}


def write_dimensions(path: Path, scores: dict[str, dict[int, float]]) -> None:
    """Write the scores of shortened embeddings on each dev set, by its name and their number of dimensions."""
    _write(path, scores)


def read_dimensions(path: Path) -> dict[str, dict[int, float]]:
    """Read what `write_dimensions` has written.

    Raises:
        KosbertError: the file is missing, or does not hold numbers of dimensions and scores for each name.
    """
    found = _blocks(path)
    for name, scores in found.items():
        if not scores or not all(key.isdecimal() and _is_number(score) for key, score in scores.items()):
            raise KosbertError(f"{path}, {name}: expected numbers of dimensions, each with a score; {ANEW}")
    return {name: {int(key): score for key, score in scores.items()} for name, scores in found.items()}


def _write(path: Path, values: object) -> None:
    write_text(path, json.dumps(values, indent=2) + "\n")


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` creates it") from None
    except (ValueError, RecursionError) as error:
        raise KosbertError(f"{path}: not valid JSON: {error}; {ANEW}") from error


def _blocks(path: Path) -> dict[str, dict[str, Any]]:
    found = _read(path)
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise KosbertError(f"{path}: expected names of tables of scored pairs, each with values; {ANEW}")
    return found


def _checked_metrics(metrics: Any, *, where: str) -> dict[str, float]:  # noqa: ANN401 - whatever a file holds
    if not isinstance(metrics, dict) or tuple(metrics) != METRICS:
        raise KosbertError(f"{where}: expected exactly the keys {', '.join(METRICS)}; {ANEW}")
    if not all(map(_is_number, metrics.values())):
        raise KosbertError(f"{where}: expected eight numbers; {ANEW}")
    return metrics


def _is_number(value: object) -> bool:
    return type(value) in (float, int)


@dataclass(frozen=True)
class Cost:
    """What a training cost.

    Attributes:
        parameters: how many numbers the encoder has.
        minutes: how long the training took.
        on: the precision and the hardware.
        weights: the `files.weights_digest` of the model that came of it.
    """

    parameters: int
    minutes: float
    on: str
    weights: str


def write_cost(path: Path, cost: Cost) -> None:
    """Write a cost as JSON."""
    write_text(path, json.dumps(asdict(cost), indent=2) + "\n")


def read_cost(path: Path) -> Cost | None:
    """Read a cost; None where there is no such file.

    Raises:
        KosbertError: the file is not what `write_cost` writes.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - slow to import, and every command knows the metrics

    try:
        return TypeAdapter(Cost).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise KosbertError(
            f"{path}: expected parameters, minutes, on, weights; delete it, and `dvc repro -f` recreates it"
        ) from error


def find_cost(recorded: Path, measured: Path, weights: str) -> Cost | None:
    """Return the cost of the training that gave some weights: the recorded one, or else the one measured here.

    Args:
        recorded: the file of the recorded cost, which may be of other weights.
        measured: the folder of the measured costs, `<weights>.json`.
        weights: the `files.weights_digest` of the trained model.

    Returns:
        The cost; None where it is not known, as of a training that was resumed, or came from a cache.
    """
    found = (read_cost(path) for path in (recorded, measured / f"{weights}.json"))
    return next((cost for cost in found if cost and cost.weights == weights), None)


def record_costs(folder: Path, measured: Path, costs: dict[str, Cost | None]) -> None:
    """Record the costs of all recipes; what was recorded of other weights is kept among the measured costs.

    Args:
        folder: the folder to write to, `<recipe>.json`; what it has of other recipes is removed.
        measured: the folder of the measured costs.
        costs: the cost of each recipe, as `find_cost` returns it.
    """
    for recipe in {*costs, *(path.stem for path in folder.glob("*.json"))}:
        _record_cost(folder / f"{recipe}.json", measured, costs.get(recipe))


def _record_cost(recorded: Path, measured: Path, cost: Cost | None) -> None:
    before = read_cost(recorded)
    if before and before != cost:
        write_cost(measured / f"{before.weights}.json", before)
    if cost is None:
        recorded.unlink(missing_ok=True)
    elif before != cost:
        write_cost(recorded, cost)
