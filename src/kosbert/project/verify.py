"""Whether what `dvc.lock` names is still as it was recorded: every byte, in the workspace and in DVC's cache.

DVC itself trusts the size and time of a file, and whatever is in its cache.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kosbert.errors import KosbertError, needs_extra, one_line
from kosbert.files import atomic_write, digest, dvc_listing, dvc_md5
from kosbert.project import dvc
from kosbert.stage.lock import LOCK, recorded

MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
ANEW = "delete it, then run `dvc repro`"
ADVICE = "run `kosbert verify --repair` to restore what it can, then `dvc repro` to recreate the rest"


@dataclass(frozen=True)
class Copies:
    """A file that stages have made, or a folder of which nothing tells the files any more: all its copies.

    Attributes:
        paths: where it lies in the workspace; stages may make the same file in several places.
        cached: where it lies in DVC's cache.
        md5: DVC's MD5 of it as it was made; None for a file that no stage has made.
    """

    paths: tuple[Path, ...]
    cached: Path
    md5: str | None

    def damaged(self) -> list[Path]:
        """Return the copies that are not as they were made; one that is not there is not damaged."""
        return [copy for copy in dict.fromkeys((*self.paths, self.cached)) if self.is_damaged(copy)]

    def is_damaged(self, copy: Path) -> bool:
        """Return whether one of the copies is there, and not as it was made."""
        return copy.exists() and self._md5_of(copy) != self.md5

    def repair(self, damaged: list[Path]) -> None:
        """Delete damaged copies, and make the one in the cache anew if one in the workspace is undamaged.

        What is gone from the workspace comes back from the cache or is made again, with `dvc repro`.

        Args:
            damaged: what `damaged` has found.
        """
        for copy in damaged:
            shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
        if self.cached in damaged and (whole := next(filter(Path.exists, self.paths), None)):
            with atomic_write(self.cached) as tmp:
                tmp.write_bytes(dvc_listing(whole) if whole.is_dir() else whole.read_bytes())

    def _md5_of(self, copy: Path) -> str:
        if self.md5 is None or not (copy.is_file() or copy.is_dir()):  # a pipe has no end, perhaps
            return "of nothing that a stage makes"
        # The cache has a folder as the list of its files.
        of_list = copy.is_file() and self.md5.endswith(".dir")
        return dvc_md5(copy) + ".dir" * of_list


def made(*targets: Path) -> list[Copies]:
    """Return every file that stages have made, by `dvc.lock`; those at, above or below `targets`, if there are any.

    Raises:
        KosbertError: there are none, or no project of DVC is here.
    """
    with needs_extra("pipeline", "To verify files"):
        from dvc.exceptions import DvcException  # noqa: PLC0415 - an extra
        from dvc.repo import Repo  # noqa: PLC0415

    dvc.check_here()
    dvc.set_up()
    try:
        repo = Repo()
        repo.index.check_graph()  # DVC has read its files, and knows their shape
    except DvcException as error:
        raise KosbertError(f"DVC cannot read the pipeline: {one_line(error)}") from error
    written, _ = recorded("outs")
    outputs = {each.path: each.md5 for each in written if not targets or any(map(each.touches, targets))}
    if not outputs:
        raise KosbertError(f"{LOCK}: no stage has run yet; run `dvc repro` first")
    cache = Path(os.path.relpath(repo.cache.local.path))
    found: dict[Path, Copies] = {}
    for path, md5 in outputs.items():
        for copies in _files(path, md5, cache):
            same = found.get(copies.cached)
            found[copies.cached] = Copies(same.paths + copies.paths, same.cached, same.md5) if same else copies
    return list(found.values())


def _files(path: Path, md5: str, cache: Path) -> Iterator[Copies]:
    _check_inside(path)
    listing = _cached(md5, cache)
    if not md5.endswith(".dir"):
        yield Copies((path,), listing, md5)
        return
    if listing.is_file() and f"{digest(listing, 'md5')}.dir" == md5:
        text = listing.read_bytes()
    else:
        yield Copies((path,), listing, md5)
        if not path.is_dir() or dvc_md5(path) != md5:
            return
        text = dvc_listing(path)
    files = {entry["relpath"]: entry["md5"] for entry in json.loads(text)}
    _check_inside(path, *(path / name for name in files))
    yield from (Copies((path / name,), _cached(file, cache), file) for name, file in files.items())
    there = path.rglob("*") if path.is_dir() else [path]  # a file may have taken its place
    found = [file for file in there if not file.is_dir() and file.relative_to(path).as_posix() not in files]
    yield from (Copies((file,), file, None) for file in found)


def _check_inside(*paths: Path) -> None:
    """Check that paths lie in the project, for what is damaged may be deleted."""
    for path in paths:
        if path.is_absolute() or ".." in path.parts:
            raise KosbertError(f"{LOCK}: {one_line(path)} is outside the project; {ANEW}")


def _cached(md5: str, cache: Path) -> Path:
    """Return where DVC's cache keeps a file."""
    if not MD5.fullmatch(md5):
        raise KosbertError(f"{LOCK}: {one_line(md5, 50)} is no MD5; {ANEW}")
    return cache / md5[:2] / md5[2:]


def edited() -> list[Path]:
    """Return the dependencies that are not as `dvc.lock` has them, such as code; outputs of stages aside."""
    outputs, _ = recorded("outs")
    inputs, _ = recorded("deps")
    ours = {dep.path: dep.md5 for dep in inputs if not any(out.touches(dep.path) for out in outputs)}
    return [path for path, md5 in sorted(ours.items()) if not path.exists() or dvc_md5(path) != md5]


def check(*targets: Path) -> None:
    """Check outputs in the workspace.

    Raises:
        KosbertError: one is damaged.
    """
    for copies in made(*targets):
        for path in filter(copies.is_damaged, copies.paths):
            raise KosbertError(f"{path}: not as `dvc repro` made it (dvc.lock); {ADVICE}")
