"""The Korean tasks of the Massive Text Embedding Benchmark (Muennighoff et al. 2023), run by its own library `mteb`.

Its tasks fetch their data from a model hub. `mteb` is the extra `mteb`.
"""

import hashlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kosbert import loading
from kosbert.errors import KosbertError, one_line
from kosbert.files import digest

ALL = "all"
REVISION_LENGTH = 40  # characters, as a commit has


class Result(NamedTuple):
    """The main score of a task: what it is, and its value x 100, rounded to two decimals."""

    task: str
    kind: str
    figure: str
    value: float


def choose(wanted: Sequence[str]) -> list[Any]:
    """Return mteb's Korean text tasks of these names or types, such as KLUE-STS and STS, or `all`.

    Raises:
        KosbertError: mteb is not installed, or has no such task.
    """
    tasks = _mteb().get_tasks(languages=["kor"], modalities=["text"], exclusive_modality_filter=True)
    kinds = {task.metadata.name: {task.metadata.name, task.metadata.type, ALL} for task in tasks}
    if unknown := [name for name in wanted if not any(name in kind for kind in kinds.values())]:
        raise KosbertError(
            f"mteb has no Korean text task or type of tasks {', '.join(map(repr, unknown))}; "
            f"there are: {', '.join(kinds)}"
        )
    return [task for task in tasks if kinds[task.metadata.name] & {*wanted}]


def run(model: str, tasks: Sequence[Any], out: Path) -> Iterator[Result]:
    """Run tasks on a model, with its own prompts, and give the result of each as it comes.

    Args:
        model: a sentence-transformers folder, or a name on the hub.
        tasks: as `choose` gives them.
        out: the folder for mteb's own result files; what it has of the same files of the model is not run again.

    Raises:
        KosbertError: there is no such model, or a task fails, as it does where its data cannot be had.
    """
    mteb = _mteb()
    # It tells of each of many attempts to reach the hub; the last one becomes our error.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    encoder, folder = loading.load(model), loading.find(model)
    name = "/".join(folder.resolve().parts[-2:]) if Path(model).exists() else model
    cache = mteb.ResultCache(out)
    for task in tasks:
        metadata = task.metadata
        with warnings.catch_warnings(action="ignore"):  # names that the libraries change, prompts that a model has not
            wrapped = mteb.models.SentenceTransformerEncoderWrapper(encoder)
            identity = {"name": name, "revision": _fingerprint(folder)}
            wrapped.mteb_model_meta = wrapped.mteb_model_meta.model_copy(update=identity)
            try:
                done = mteb.evaluate(wrapped, task, cache=cache, co2_tracker=False, show_progress_bar=False)
            except Exception as error:  # whatever a task raises
                raise KosbertError(
                    f"MTEB's task {metadata.name} (its data come from a hub) failed: {one_line(error)}"
                ) from error
        (result,) = done.task_results
        yield Result(metadata.name, metadata.type, metadata.main_score, round(100 * float(result.get_score()), 2))


def _fingerprint(folder: Path) -> str:
    """Return what stands for a model's revision: a digest of its files, but for its card."""
    state = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".md":
            state.update(f"{file.relative_to(folder)} {digest(file, 'sha256')}\n".encode())
    return state.hexdigest()[:REVISION_LENGTH]


def _mteb() -> Any:  # noqa: ANN401 - a library without types
    try:
        import mteb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise KosbertError(f"MTEB's tasks need mteb: pip install 'kosbert[mteb]' ({error})") from error
    return mteb
