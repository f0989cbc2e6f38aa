"""One process at a time in a working folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kosbert.errors import KosbertError


@contextmanager
def alone(room: Path, out: Path) -> Iterator[None]:
    """Have a working folder, made if need be, for this process alone; a kill gives it back.

    Raises:
        KosbertError: another process has it, to write `out`.
    """
    room.mkdir(parents=True, exist_ok=True)
    with (room / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KosbertError(f"{out}: another run is writing it") from None
        yield
