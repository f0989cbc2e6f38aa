"""Several processes that train together, on one host or on several: what they tell each other and must have equal."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from torch import distributed

from kosbert.errors import KosbertError, one_line

T = TypeVar("T")


def gather(value: T) -> list[T]:
    """Return what each process gives, in their order, once all of them have; of a process that is alone, its own."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [value]
    values: list[T] = [value] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def check_equal(decisive: Mapping[str, object]) -> None:
    """Check that all processes train the same.

    Args:
        decisive: what decides the result of the training, by the names that a message gives it.

    Raises:
        KosbertError: a process has something else; the message names it. All processes raise it.
    """
    first, *others = gather(dict(decisive))
    for number, other in enumerate(others, start=1):
        for name in sorted({*first, *other}, key=[*first, *other].index):
            ours, theirs = (one_line(each.get(name, "missing"), 20) for each in (first, other))
            if first.get(name) != other.get(name):
                raise KosbertError(
                    f"{name}: differs between the processes that train together ({ours} in process 0, {theirs} in "
                    f"process {number}); bring all hosts to the same commit, data, parameters and packages"
                )


def share_folder(folder: Path) -> bool:
    """Return whether all processes see the same folder: they run on one host, or it lies on a network drive."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="seen-", dir=folder) as own:
        seen = all((folder / name).is_dir() for name in gather(Path(own).name))
        return all(gather(seen))  # nobody removes its own before all have looked


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Say in one line that processes which train together have lost each other.

    Raises:
        KosbertError: in place of the error of gloo or NCCL.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_of_connection(error):
            raise
        reason = re.sub(r"\[/\S+\] ", "", one_line(error)).partition(". ")[0]  # without the line of gloo's code
        raise KosbertError(
            f"no connection to another process ({one_line(reason, 200)}); see their output, then run the same "
            "command again on each host: training resumes from the last checkpoint"
        ) from error


def is_of_connection(error: Exception) -> bool:
    """Return whether an error is gloo's or NCCL's: another process has ended, or cannot be reached."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error).lower()
