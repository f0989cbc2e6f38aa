"""Files that are whole or absent: atomic writes, and the digests that prove a file is the one meant."""

import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kosbert.errors import KosbertError

DRAFT = ".draft"  # how the names of temporary folders end, so that no other hidden folder is taken for one


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` once the block has succeeded.

    The block may make a file or a folder there. On failure nothing is left, and an older `path` stays.

    Raises:
        KosbertError: the block made a file, and `path` is a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_rooms_of_the_killed(path)
    room = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=DRAFT, dir=path.parent))
    held = os.open(room, os.O_RDONLY)
    with suppress(OSError):  # some network file systems lock no folders: there, such rooms are never removed
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        draft = room / path.name
        yield draft
        if path.is_dir() and draft.exists():
            if not draft.is_dir():
                raise KosbertError(f"{path}: is a folder, and a file was to be written; give the name of a file")
            path.replace(room / "old")
        draft.replace(path)
    except OSError as error:
        if error.errno and error.filename is None:  # as when the disk is full
            error.filename = str(path)
        raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(held)


def _remove_rooms_of_the_killed(path: Path) -> None:
    """Remove the temporary folders of processes that could not do so; one that is still at work has locked its own."""
    for room in path.parent.glob(f".{glob.escape(path.name)}.????????{DRAFT}"):
        with suppress(OSError):  # it is locked, or gone already
            held = os.open(room, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if any(room.iterdir()):  # else it may be one that is about to be locked
                    shutil.rmtree(room, ignore_errors=True)
            finally:
                os.close(held)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, whole or not at all."""
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def digest(path: Path, algorithm: str) -> str:
    """Return the digest of a file in hexadecimal.

    Args:
        path: the file.
        algorithm: `sha256`, or `git-blob` for the id under which git stores the content (the SHA-1 of
            `blob <length>`, NUL and the content), which repositories publish for every file.
    """
    if algorithm == "git-blob":
        state = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        state = hashlib.new(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


def verify(path: Path, expected: str) -> None:
    """Check a file against a digest written `<algorithm>:<hexadecimal>`.

    Raises:
        KosbertError: the digests differ; the message gives both.
    """
    algorithm, _, value = expected.partition(":")
    found = digest(path, algorithm)
    if found != value:
        raise KosbertError(f"{path.name}: expected {algorithm} {value}, found {found} ({path.stat().st_size:,} bytes)")
