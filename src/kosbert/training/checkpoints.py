"""Checkpoints of a training that was killed: found again by the same training, by no other, and only if whole."""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import kosbert
from kosbert.files import digest, write_text

WHOLE = "whole.json"  # names each file of a checkpoint and its size: written last
RUN = "run-"  # and its number: the checkpoints of one of the runs that are averaged
LIBRARIES = ("accelerate", "datasets", "numpy", "sentence-transformers", "tokenizers", "torch", "transformers")


def place(out: Path, inputs: Iterable[Path], parameters: object) -> Path:
    """Return the folder for the checkpoints of one training.

    Its name depends on all that decides the result: parameters, the bytes of all inputs, this package's code, the
    versions of the libraries, and how many processes train.

    Args:
        out: what the training writes. DVC deletes it before each run, so checkpoints lie beside it.
        inputs: files and folders that the training reads.
        parameters: as JSON can write them.
    """
    code = Path(next(iter(kosbert.__path__)))
    files = [*sorted(code.rglob("*.py")), *(file for path in inputs for file in _files(path))]
    decisive = {
        "parameters": parameters,
        "files": [digest(file, "sha256") for file in files],
        "libraries": [version(name) for name in LIBRARIES],
        "python": platform.python_version(),
        "processes": os.environ.get("WORLD_SIZE", "1"),
    }
    name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
    return out.parent / ".checkpoints" / out.name / name


def run_dir(folder: Path, number: int) -> Path:
    """Return the folder for the checkpoints of a run, counted from 0, of the training whose folder is given."""
    return folder / f"{RUN}{number + 1}"


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def last(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a run, if there is one."""
    found = newest(folder, 1)
    return found[0] if found else None


def newest(folder: Path, count: int) -> list[Path]:
    """Return the newest whole checkpoints of a run, the newest last; fewer than `count` if no more are there."""
    whole = [path for path in folder.glob("*") if is_complete(path)]
    return sorted(whole, key=lambda path: int(path.name.rpartition("-")[2]))[-count:]


def tidy(folder: Path) -> None:
    """Remove what is of no use any more: what is not whole, and the folders of trainings with other parameters or code.

    Args:
        folder: of `place`.
    """
    others = [path for path in folder.parent.glob("*") if path != folder]
    for path in [*others, *(path for path in folder.glob(f"{RUN}*/*") if not is_complete(path))]:
        shutil.rmtree(path, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a training's checkpoints, and the folders above if nothing else is in them."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in folder.parents[:2]:
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def mark_complete(checkpoint: Path) -> None:
    """Write down what a checkpoint consists of, once all of it is there."""
    sizes = {str(file.relative_to(checkpoint)): file.stat().st_size for file in _files(checkpoint)}
    write_text(checkpoint / WHOLE, json.dumps(sizes))


def is_complete(checkpoint: Path) -> bool:
    """Return whether a checkpoint was finished, and nothing of it has been deleted since."""
    mark = checkpoint / WHOLE
    if not mark.is_file():
        return False
    sizes = json.loads(mark.read_text(encoding="utf-8"))
    return all(
        (checkpoint / name).is_file() and (checkpoint / name).stat().st_size == size for name, size in sizes.items()
    )
