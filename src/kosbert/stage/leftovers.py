"""What no stage writes, in a folder that DVC records as a whole.

DVC takes no list of files from params.yaml, so a stage that reads what all rows or recipes have made depends on their
folder. With another file in it, the folder would have another digest here than in any other clone, for ever.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.errors import KosbertError
from kosbert.files import dvc_md5
from kosbert.stage.lock import LOCK, Record

if TYPE_CHECKING:
    from dvc.repo import Repo


def clear(inputs: list[Path], written: list[Record], gone: list[Record]) -> None:
    """Remove what stages that are no more have left in inputs that are folders of several outputs, and elsewhere.

    It is removed if it is as it was written and in DVC's cache, from where an older `dvc.lock` brings it back. What
    such a stage has made elsewhere is a small file that git has (a metrics file), or a copy.

    Args:
        inputs: what a stage reads.
        written: what is recorded of the outputs of stages.
        gone: what is recorded of the outputs of stages that are no more.

    Raises:
        KosbertError: there is something else in such a folder that git does not have and DVC does not ignore.
    """
    kept = {record.path for record in written}
    folders = [each for each in inputs if any(each in path.parents for path in kept)]
    others = _without_ignored([path for folder in folders for path in _others(folder, kept)])
    if not others:
        return
    from dvc.repo import Repo
    from dvc.scm import NoSCM

    repo = Repo()
    gone = [record for record in gone if record.path not in kept]
    left = [record for record in gone if any(map(record.touches, others))]
    for stage in dict.fromkeys(record.stage for record in left if _is_cached(record, repo)):
        for path in [record.path for record in gone if record.stage == stage and _is_as_written(record)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            click.echo(f"{path}: removed, because the stage {stage} no longer exists")
    if isinstance(repo.scm, NoSCM):  # nobody has another clone
        return
    for path in filter(Path.exists, others):
        if not repo.scm.is_tracked(str(path.absolute())):
            raise KosbertError(
                f"{path}: no stage writes it and git does not track it, so other clones lack it, and their {LOCK} "
                "would differ; move it elsewhere, or list it in .dvcignore"
            )


def _others(folder: Path, outputs: set[Path]) -> Iterator[Path]:
    for child in sorted(folder.iterdir()) if folder.is_dir() else ():
        if any(child in output.parents for output in outputs):
            yield from _others(child, outputs)
        elif child not in outputs and (child.is_file() or any(map(Path.is_file, child.rglob("*")))):
            yield child


def _without_ignored(paths: list[Path]) -> list[Path]:
    if not paths:
        return []
    from dvc.fs import localfs
    from dvc.ignore import DvcIgnoreFilter

    ignores = DvcIgnoreFilter(localfs, str(Path.cwd()))
    return [path for path in paths if not ignores.is_ignored(localfs, str(path.absolute()))]


def _is_as_written(record: Record) -> bool:
    return record.path.exists() and dvc_md5(record.path) == record.md5


def _is_cached(record: Record, repo: "Repo") -> bool:
    cache = repo.cache.local
    if not cache.exists(record.md5):
        return False
    if not record.md5.endswith(".dir"):
        return True
    return all(cache.exists(entry["md5"]) for entry in json.loads(Path(cache.oid_to_path(record.md5)).read_bytes()))
