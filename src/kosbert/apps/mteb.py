"""The Korean tasks of the Massive Text Embedding Benchmark (Muennighoff et al. 2023), run by its own library `mteb`.

The data of the tasks come from a model hub. `mteb` is the extra `mteb`.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentence_transformers.util.similarity import SimilarityFunction

from kosbert.errors import KosbertError, one_line
from kosbert.inference.encoder import Embeddings, Encoder, model_of
from kosbert.inference.folder import find
from kosbert.inference.load import load

ALL = "all"
SETTINGS = "config_sentence_transformers.json"
REVISION_LENGTH = 40  # characters, as a commit has


class Result(NamedTuple):
    """The main score of a task: its name, and its value x 100, rounded to two decimals; and how much was read for it.

    Attributes:
        texts: how many texts were encoded; 0 if an earlier run had the result.
        truncated: how many of them have more tokens than the model reads.
    """

    task: str
    type: str
    metric: str
    value: float
    texts: int
    truncated: int


def choose(wanted: Sequence[str]) -> list[Any]:
    """Return mteb's Korean text tasks of these names or types, such as KLUE-STS and STS, or `all`.

    Raises:
        KosbertError: mteb is not installed, or has no such task.
    """
    tasks = _mteb().get_tasks(languages=["kor"], modalities=["text"], exclusive_modality_filter=True)
    names = {task.metadata.name: {task.metadata.name, task.metadata.type, ALL} for task in tasks}
    if unknown := [name for name in wanted if not any(name in each for each in names.values())]:
        raise KosbertError(
            f"mteb has no Korean text task or type of tasks {', '.join(map(repr, unknown))}; "
            f"there are: {', '.join(names)}"
        )
    return [task for task in tasks if names[task.metadata.name] & {*wanted}]


def run(model: str, tasks: Sequence[Any], out: Path, *, max_length: int | None = None) -> Iterator[Result]:
    """Run tasks on a model in fp32, with its own prompts, and yield the result of each as soon as it is there.

    Args:
        model: a folder of a model, or a name on the hub; see `kosbert.load`.
        tasks: the tasks, as `choose` returns them.
        out: the folder for mteb's own result files; a task that has one of the same model is not run again.
        max_length: how many tokens of a text are read; see `kosbert.load`.

    Raises:
        KosbertError: there is no such model, or a task fails, as where its data cannot be downloaded.
    """
    mteb = _mteb()
    # It reports each of many attempts to reach the hub; the last one becomes our error.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    cache = mteb.ResultCache(out)
    with load(model, precision="fp32", max_length=max_length) as encoder:
        adapter = _Adapter(encoder, model)
        for task in tasks:
            metadata, adapter.texts, adapter.truncated = task.metadata, 0, 0
            try:
                done = mteb.evaluate(adapter, task, cache=cache, co2_tracker=False, show_progress_bar=False)
            except Exception as error:  # whatever a task raises
                raise KosbertError(
                    f"MTEB's task {metadata.name} (its data come from a hub) failed: {one_line(error)}"
                ) from error
            score = float(done.task_results[0].get_score())
            yield Result(
                metadata.name,
                metadata.type,
                metadata.main_score,
                round(100 * score, 2),
                adapter.texts,
                adapter.truncated,
            )


class _Adapter:
    """An encoder as mteb wants it.

    The encoder puts the model's default prompt before each text. Of a model without one, mteb chooses the prompt: for
    its task, or for queries and documents.
    """

    def __init__(self, encoder: Encoder, model: str) -> None:
        models, folder = _mteb().models, find(model)
        path = folder / SETTINGS  # an exported model has none
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        similarity = settings.get("similarity_fn_name") or SimilarityFunction.COSINE.value
        self.similarity = SimilarityFunction.to_similarity_fn(similarity)
        self.similarity_pairwise = SimilarityFunction.to_similarity_pairwise_fn(similarity)
        self._encoder, self.texts, self.truncated = encoder, 0, 0
        self._prompts = {} if settings.get("default_prompt_name") else settings.get("prompts", {})
        self._get_prompt = models.abs_encoder.get_prompt
        revision = json.dumps([model_of(encoder.fingerprint), self._prompts, similarity]).encode()
        self.mteb_model_meta = models.ModelMeta.create_empty(
            {
                "name": "/".join(folder.resolve().parts[-2:]) if Path(model).exists() else model,
                "revision": hashlib.sha256(revision).hexdigest()[:REVISION_LENGTH],
                "embed_dim": encoder.dimensions,
                "similarity_fn_name": models.model_meta.ScoringFunction(similarity),
            }
        )

    def encode(self, inputs: Iterable[Any], *, task_metadata: Any, prompt_type: Any = None, **_: object) -> Embeddings:  # noqa: ANN401 - mteb's
        """Return the embeddings of batches of texts."""
        prompt = self._get_prompt(self._prompts, task_metadata, prompt_type) or ""
        texts = [prompt + text for batch in inputs for text in batch["text"]]
        self.texts += len(texts)
        self.truncated += self._encoder.count_truncated(texts)
        return self._encoder.encode(texts)


def _mteb() -> Any:  # noqa: ANN401 - a library without types
    try:
        import mteb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise KosbertError(f"MTEB's tasks need mteb: pip install 'kosbert[mteb]' ({error})") from error
    return mteb
