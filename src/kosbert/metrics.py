"""The eight metrics of an encoder, and what its training cost: their names, one reader and one writer for each file.

What a training cost is no output that DVC watches, for times differ from run to run. A cost belongs to the weights that
the training gave: it is measured by the training, and recorded beside the metrics when the report is made. A benchmark
that gives the same weights again keeps the recorded costs, so that it changes no file.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kosbert.errors import KosbertError
from kosbert.files import write_text

SIMILARITIES = ("cosine", "euclidean", "manhattan", "dot")
CORRELATIONS = ("pearson", "spearman")
METRICS = tuple(f"{similarity}_{correlation}" for similarity in SIMILARITIES for correlation in CORRELATIONS)
MAIN_METRIC = "cosine_spearman"  # what models are compared by


def write_metrics(path: Path, metrics: dict[str, float]) -> None:
    """Write the eight `METRICS`, x 100, as a flat JSON object."""
    write_text(path, json.dumps(metrics, indent=2) + "\n")


def read_metrics(path: Path) -> dict[str, float]:
    """Read a metrics file: the eight `METRICS`, x 100.

    Raises:
        KosbertError: the file is missing, or does not hold exactly these.
    """
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` makes it") from None
    except (ValueError, RecursionError) as error:
        raise KosbertError(f"{path}: not valid JSON: {error}; `dvc repro -f` makes it anew") from error
    if not isinstance(metrics, dict) or tuple(metrics) != METRICS:
        raise KosbertError(f"{path}: expected exactly the keys {', '.join(METRICS)}; `dvc repro -f` makes it anew")
    if not all(type(value) in (float, int) for value in metrics.values()):
        raise KosbertError(f"{path}: expected eight numbers; `dvc repro -f` makes it anew")
    return metrics


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
            f"{path}: expected parameters, minutes, on, weights; delete it, and `dvc repro -f` makes it anew"
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
