"""Checkpoints of a training that was killed: found again by the same training alone, and only if complete."""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from kosbert.files import digest, write_text

PACKAGE = Path(__file__).parents[1]
# The code of the package that decides the result of a training; a test holds it to dvc.yaml.
CODE = ("data", "encoder", "training", "errors.py", "files.py", "metrics.py", "params.py")
COMPLETE = "complete.json"  # the file that names each file of a checkpoint and its size; it is written last
LIBRARIES = ("accelerate", "datasets", "numpy", "sentence-transformers", "tokenizers", "torch", "transformers")


def checkpoint_dir(out: Path, inputs: Iterable[Path], parameters: object) -> Path:
    """Return the folder for the checkpoints of one training.

    Its name depends on all that decides the result: parameters, the bytes of all inputs and of `CODE`, the versions of
    Python and the libraries, and how many processes train.

    Args:
        out: the folder that the training writes. DVC deletes it before each run, so checkpoints lie beside it.
        inputs: the files and folders that the training reads.
        parameters: the parameters of the training, as JSON can write them.
    """
    code = [file for name in CODE for file in _files(PACKAGE / name) if file.suffix == ".py"]
    files = [*code, *(file for path in inputs for file in _files(path))]
    decisive = {
        "parameters": parameters,
        "files": [digest(file, "sha256") for file in files],
        "libraries": [version(name) for name in LIBRARIES],
        "python": platform.python_version(),
        "processes": os.environ.get("WORLD_SIZE", "1"),
    }
    name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
    return out.parent / ".checkpoints" / out.name / name


def run_dirs(folder: Path, runs: int) -> list[Path]:
    """Return the folder for the checkpoints of each run of a training, which lie in the training's `checkpoint_dir`."""
    return [folder / f"run-{number + 1}" for number in range(runs)]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def latest(folder: Path, count: int) -> list[Path]:
    """Return the latest complete checkpoints of a run in their order; fewer than `count` if no more are there."""
    complete = [path for path in folder.glob("*") if is_complete(path)]
    return sorted(complete, key=lambda path: int(path.name.rpartition("-")[2]))[-count:]


def prune(folder: Path) -> None:
    """Remove useless checkpoints: incomplete ones, and those of trainings with other parameters, inputs or code.

    Args:
        folder: the training's `checkpoint_dir`.
    """
    others = [path for path in folder.parent.glob("*") if path != folder]
    for path in [*others, *(path for path in folder.glob("*/*") if not is_complete(path))]:
        shutil.rmtree(path, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a training's `checkpoint_dir`, and the folders above it that nothing else is in."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in folder.parents[:2]:
        with suppress(OSError):  # it holds something else
            parent.rmdir()


def mark_complete(checkpoint: Path) -> None:
    """Record the files of a checkpoint, once all of them are there."""
    sizes = {str(file.relative_to(checkpoint)): file.stat().st_size for file in _files(checkpoint)}
    write_text(checkpoint / COMPLETE, json.dumps(sizes))


def is_complete(checkpoint: Path) -> bool:
    """Return whether a checkpoint was finished, and no file of it has been deleted or cut since."""
    mark = checkpoint / COMPLETE
    if not mark.is_file():
        return False
    sizes = json.loads(mark.read_text(encoding="utf-8"))
    return all(
        (checkpoint / name).is_file() and (checkpoint / name).stat().st_size == size for name, size in sizes.items()
    )
