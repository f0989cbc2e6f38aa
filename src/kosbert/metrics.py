"""What a training cost: how large its encoder is, how long it took. A file beside the figures, for the table by size.

Times differ from run to run, so DVC does not watch these files: a result that comes out of its cache keeps its time.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kosbert.errors import KosbertError
from kosbert.files import write_text


@dataclass(frozen=True)
class Cost:
    """How many `parameters` (numbers) an encoder has, how many `minutes` its training took, and `on` what."""

    parameters: int
    minutes: float
    on: str


def write_cost(path: Path, cost: Cost) -> None:
    """Write a cost as JSON."""
    write_text(path, json.dumps(asdict(cost), indent=2) + "\n")


def read_cost(path: Path) -> Cost | None:
    """Read a cost; none where there is no such file, as for a training that was interrupted.

    Raises:
        KosbertError: the file is not of `write_cost`.
    """
    try:
        return TypeAdapter(Cost).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise KosbertError(f"{path}: expected parameters, minutes, on; `dvc repro -f` makes it anew") from error
