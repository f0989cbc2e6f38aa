"""`SHA256SUMS` in the folder of a model: the digests of the files that decide its embeddings.

It has the format of sha256sum, so `sha256sum -c SHA256SUMS` checks a folder as well.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from kosbert.errors import KosbertError
from kosbert.files import digest

SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64}) [ *](.{1,200})")
MAX_BYTES = 1_000_000  # of the file; ours has less than 1,000
AGAIN = "download or train the model again"
CHANGED = f"{AGAIN}, or delete {SUMS} if you changed it yourself"


def write_sums(folder: Path, names: Iterable[Path]) -> None:
    """Write the digests of some files of a folder, those with plain names, in the order of their names."""
    plain = sorted(filter(is_inside, (name.as_posix() for name in names)))
    lines = [f"{digest(folder / name, 'sha256')}  {name}\n" for name in plain]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


@contextmanager
def checked_sums(folder: Path, only: Collection[str] = ()) -> Iterator[None]:
    """Check the files of a folder that has digests, while the block reads them.

    Args:
        folder: the folder of a model.
        only: the names of the files that are checked; if empty, all that have a digest.

    Raises:
        KosbertError: a file is not as it was written, which is said in place of what the block makes of it.
    """
    expected = {name: value for name, value in read_sums(folder).items() if not only or name in only}
    with ThreadPoolExecutor() as pool:
        found = {name: pool.submit(_digest, folder / name) for name in expected}
        try:
            yield
        except Exception:
            _compare(folder, expected, found)
            raise
        _compare(folder, expected, found)


def _compare(folder: Path, expected: dict[str, str], found: dict[str, Future[str | None]]) -> None:
    for name, value in expected.items():
        if (there := found[name].result()) != value:
            what = "is not as it was written" if there else "is missing"
            raise KosbertError(f"{folder}: {name} {what}, says {SUMS}; {CHANGED}")


def read_sums(folder: Path) -> dict[str, str]:
    """Return the digests of a folder's files by their names; none if it has no such file.

    Raises:
        KosbertError: the file is not as it was written, or names one outside of the folder.
    """
    file = folder / SUMS
    if not file.exists():
        return {}
    try:
        with file.open("rb") as content:
            lines = content.read(MAX_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    found = [LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in found if match and is_inside(match[2])}
    if not sums or len(sums) < len(lines):
        raise KosbertError(f"{file}: expected a digest and a file of this folder in each line; {CHANGED}")
    return sums


def is_inside(name: str) -> bool:
    """Return whether a name is a plain one, of a file within the folder that it is looked for in."""
    path = PurePosixPath(name)
    return name.isprintable() and "\\" not in name and not path.is_absolute() and ".." not in path.parts


def _digest(file: Path) -> str | None:
    try:
        return digest(file, "sha256") if file.is_file() else None
    except OSError as error:
        raise KosbertError(f"{file}: cannot be read: {error.strerror}; {AGAIN}") from error
