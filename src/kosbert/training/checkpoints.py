"""Checkpoints of a training that was killed: found again by the same training alone, and only if undamaged."""

import hashlib
import json
import os
import platform
import shutil
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from kosbert.errors import KosbertError, one_line
from kosbert.files import digest, verify, write_text
from kosbert.training.processes import gather

PACKAGE = Path(__file__).parents[1]
# The code of the package that decides the result of a training; a test holds it to dvc.yaml.
CODE = ("data", "encoder", "training", "errors.py", "files.py", "metrics.py", "params.py")
COMPLETE = "complete.json"  # the file with the digest of each file of a checkpoint; it is written last
STATE = "trainer_state.json"  # the file in which the trainer keeps, among others, which checkpoint is the best
LIBRARIES = ("accelerate", "datasets", "numpy", "sentence-transformers", "tokenizers", "torch", "transformers")


def decisive(inputs: dict[str, Path], parameters: dict[str, object]) -> dict[str, object]:
    """Return all that decides the result of a training, by name.

    That is parameters, the bytes of all inputs and of `CODE`, the versions of Python and the libraries, and how many
    processes train. No name depends on where the project lies.

    Args:
        inputs: the files and folders that the training reads, by what they are to it.
        parameters: the parameters of the training, as JSON can write them.
    """
    code = [file for name in CODE for file in _files(PACKAGE / name) if file.suffix == ".py"]
    return {
        **parameters,
        **{str(file.relative_to(PACKAGE.parent)): digest(file, "sha256") for file in code},
        **{
            f"{role} {Path(path.name, file.relative_to(path))}": digest(file, "sha256")
            for role, path in inputs.items()
            for file in _files(path)
        },
        **{name: version(name) for name in LIBRARIES},
        "Python": platform.python_version(),
        "processes": os.environ.get("WORLD_SIZE", "1"),
    }


def checkpoint_dir(out: Path, decisive: dict[str, object]) -> Path:
    """Return the folder for the checkpoints of one training.

    Args:
        out: the folder that the training writes. DVC deletes it before each run, so checkpoints lie beside it.
        decisive: what `decisive` returns; the folder's name depends on it.
    """
    name = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]
    return out.parent / ".checkpoints" / out.name / name


def run_dirs(folder: Path, runs: int) -> list[Path]:
    """Return the folder for the checkpoints of each run of a training, which lie in the training's `checkpoint_dir`."""
    return [folder / f"run-{number + 1}" for number in range(runs)]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def latest(folder: Path, count: int) -> list[Path]:
    """Return the latest finished checkpoints of a run in their order; fewer than `count` if no more are there."""
    return _in_order(folder)[-count:]


def resumable(folder: Path) -> Path | None:
    """Return the latest checkpoint of a run that was pruned which has the best one so far still beside it.

    Of several processes, all return the same.

    Raises:
        KosbertError: no such checkpoint is on all hosts, though on some.
    """
    found = gather([path.name for path in _in_order(folder) if _has_best(path)])
    common = [name for name in found[0] if all(name in names for names in found)]
    if any(found) and not common:
        missing = next(number for number, names in enumerate(found) if not names)
        raise KosbertError(
            f"{folder}: process {missing} has no checkpoint here, and another one has; copy the folder to its host, "
            "or remove it on all hosts to train from the beginning, and run this again"
        )
    return folder / common[-1] if common else None


def _has_best(checkpoint: Path) -> bool:
    best = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))["best_model_checkpoint"]
    return best is None or Path(best).is_dir()


def prune(folder: Path) -> list[str]:
    """Remove useless checkpoints: unfinished and damaged ones, and those of other parameters, inputs or code.

    With a damaged one, all later ones of its run go, for a run that is resumed after it would lack it at the end.

    Args:
        folder: the training's `checkpoint_dir`.

    Returns:
        What is wrong with each damaged one.
    """
    unfinished = [path for path in folder.glob("*/*") if not (path / COMPLETE).is_file()]
    for path in [*(path for path in folder.parent.glob("*") if path != folder), *unfinished]:
        shutil.rmtree(path, ignore_errors=True)
    reasons = []
    for run in folder.glob("*"):
        whole = True
        for path in _in_order(run):
            try:
                check(path)
            except KosbertError as error:
                reasons.append(error.message)
                whole = False
            if not whole:
                shutil.rmtree(path, ignore_errors=True)
    return reasons


def _in_order(folder: Path) -> list[Path]:
    finished = [mark.parent for mark in folder.glob(f"*/{COMPLETE}")]
    return sorted(finished, key=lambda path: int(path.name.rpartition("-")[2]))


def remove(folder: Path) -> None:
    """Remove a training's `checkpoint_dir`, and the folders above it that nothing else is in."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in folder.parents[:2]:
        with suppress(OSError):  # it holds something else
            parent.rmdir()


def mark_complete(checkpoint: Path) -> None:
    """Record the files of a checkpoint, once all of them are there."""
    digests = {str(file.relative_to(checkpoint)): digest(file, "sha256") for file in _files(checkpoint)}
    write_text(checkpoint / COMPLETE, json.dumps(digests))


def check(checkpoint: Path) -> None:
    """Check that a finished checkpoint is as it was written.

    Raises:
        KosbertError: a file has changed, or is gone.
    """
    try:
        digests = json.loads((checkpoint / COMPLETE).read_text(encoding="utf-8"))
        for name, expected in digests.items():
            verify(checkpoint / name, f"sha256:{expected}")
    except (KosbertError, OSError, ValueError, AttributeError) as error:
        raise KosbertError(f"{checkpoint}: this checkpoint is damaged: {one_line(error)}") from error
