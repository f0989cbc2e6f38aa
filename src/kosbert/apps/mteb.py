"""The Korean tasks of the Massive Text Embedding Benchmark (Muennighoff et al. 2023), run by its own library `mteb`.

The data of the tasks come from a model hub. `mteb` is the extra `mteb`.
"""

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentence_transformers.util.similarity import SimilarityFunction

from kosbert.apps.mteb_tasks import library
from kosbert.errors import KosbertError, one_line
from kosbert.inference.encoder import Embeddings, Encoder, model_of
from kosbert.inference.folder import find
from kosbert.inference.load import load

SETTINGS = "config_sentence_transformers.json"
REVISION_LENGTH = 40  # characters, as a commit has
COMMIT = re.compile(rf"[0-9a-f]{{{REVISION_LENGTH}}}")


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


def run(
    model: str, tasks: Sequence[Any], out: Path, *, name: str | None = None, max_length: int | None = None
) -> Iterator[Result]:
    """Run tasks on a model in fp32, with its own prompts, and yield the result of each as soon as it is there.

    Args:
        model: a folder of a model, or a name on the hub; see `kosbert.load`.
        tasks: the tasks, as `choose` returns them.
        out: the folder for mteb's own result files, `results/<owner>__<name>/<revision>/<task>.json` as in the
            repository of its leaderboard; a task that has one of the same model is not run again.
        name: the name `owner/name` that the model has in the results; its name on the hub, or that of its folder and
            of the one above, if None.
        max_length: how many tokens of a text are read; see `kosbert.load`.

    Raises:
        KosbertError: there is no such model, or a task fails, as where its data cannot be downloaded.
    """
    mteb = library()
    # It reports each of many attempts to reach the hub; the last one becomes our error.
    for logged in ("huggingface_hub", "mteb"):
        logging.getLogger(logged).setLevel(logging.ERROR)
    cache = mteb.ResultCache(out)
    with load(model, precision="fp32", max_length=max_length) as encoder:
        adapter = _Adapter(encoder, model, name=name, max_length=max_length)
        for task in tasks:
            metadata, adapter.texts, adapter.truncated = task.metadata, 0, 0
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # such as that there is a newer version of a task that was named
                    done = mteb.evaluate(adapter, task, cache=cache, co2_tracker=False, show_progress_bar=False)
            except KosbertError:
                raise
            except Exception as error:  # whatever a task raises
                raise KosbertError(
                    f"MTEB's task {metadata.name} (its data comes from a hub) failed: {one_line(error)}"
                ) from error
            # The file may have other subsets and splits, too, from an earlier run.
            score = float(done.task_results[0].validate_and_filter_scores(task).get_score())
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

    The encoder puts the model's default prompt before each text, as `encode` does. Of a model without one, mteb chooses
    the prompt: for its task, or for queries and documents.
    """

    def __init__(self, encoder: Encoder, model: str, *, name: str | None = None, max_length: int | None = None) -> None:
        models, folder = library().models, find(model)
        path = folder / SETTINGS
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        similarity = settings.get("similarity_fn_name") or SimilarityFunction.COSINE.value
        self.similarity = SimilarityFunction.to_similarity_fn(similarity)
        self.similarity_pairwise = SimilarityFunction.to_similarity_pairwise_fn(similarity)
        self._encoder, self.texts, self.truncated = encoder, 0, 0
        self._prompts = settings.get("prompts") or {}
        self._default = self._prompts.get(settings.get("default_prompt_name"))
        self._get_prompt = models.abs_encoder.get_prompt
        on_hub = not Path(model).exists()
        is_commit = on_hub and max_length is None and COMMIT.fullmatch(folder.name)
        self.mteb_model_meta = models.ModelMeta.create_empty(
            {
                "name": name or (model if on_hub else "/".join(folder.resolve().parts[-2:])),
                "revision": folder.name if is_commit else self._digest(similarity),
                "embed_dim": encoder.dimensions,
                "max_tokens": encoder.max_length,
                "similarity_fn_name": models.model_meta.ScoringFunction(similarity),
            }
        )

    def encode(self, inputs: Iterable[Any], *, task_metadata: Any, prompt_type: Any = None, **_: object) -> Embeddings:  # noqa: ANN401 - mteb's
        """Return the embeddings of batches of texts.

        Raises:
            KosbertError: the model has a default prompt, and another one for these texts.
        """
        prompt = self._get_prompt(self._prompts, task_metadata, prompt_type) or ""
        if self._default:
            self._check_prompt(prompt, prompt_type.value if prompt_type else task_metadata.name)
            prompt = ""  # the encoder adds its own
        texts = [prompt + text for batch in inputs for text in batch["text"]]
        self.texts += len(texts)
        self.truncated += self._encoder.count_truncated(texts)
        return self._encoder.encode(texts)

    def _check_prompt(self, prompt: str, purpose: str) -> None:
        if prompt not in ("", self._default):
            raise KosbertError(
                f"{self.mteb_model_meta.name}: its prompt for {purpose} is {prompt!r}, but kosbert puts its default "
                f"prompt {self._default!r} before each text; evaluate this model with mteb itself"
            )

    def _digest(self, similarity: str) -> str:
        """Return what stands for a commit where a model is a folder: a digest of all that its results depend on."""
        chosen = {} if self._default else self._prompts
        parts = json.dumps([model_of(self._encoder.fingerprint), chosen, similarity])
        return hashlib.sha256(parts.encode()).hexdigest()[:REVISION_LENGTH]
