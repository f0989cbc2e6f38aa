"""The model that stages hand on: a mean-pooling sentence-transformers folder, loadable without this package."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write

MAX_LENGTH = 128  # tokens of a sentence that count; KorNLU's longest has fewer than 128
CARD = "README.md"  # where model hubs look for a model's card
PROMPT = "query"  # the name under which a prompt is stored

# A stage says itself what there is to say: no bars for files that load in a moment, no advice about defaults.
transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()
logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def assemble(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, prompt: str = "", normalize: bool = False
) -> SentenceTransformer:
    """Make a sentence encoder of a transformer: the mean of its token embeddings.

    Args:
        model: gives the token embeddings.
        tokenizer: its tokenizer.
        prompt: put before every sentence by `encode`; none if empty.
        normalize: whether the embeddings are scaled to length 1.
    """
    with tempfile.TemporaryDirectory() as parts:
        model.save_pretrained(parts)
        tokenizer.save_pretrained(parts)
        transformer = Transformer(parts, max_seq_length=longest(model, tokenizer))
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    prompts = {"prompts": {PROMPT: prompt}, "default_prompt_name": PROMPT} if prompt else {}
    modules = [transformer, pooling, *([Normalize()] if normalize else [])]
    return SentenceTransformer(modules=modules, **prompts)


def longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """Return how many tokens of a sentence count: `MAX_LENGTH`, or less where the model takes no more."""
    positions = getattr(model.config, "max_position_embeddings", MAX_LENGTH)
    return int(min(MAX_LENGTH, tokenizer.model_max_length, positions - first_position(model)))


def first_position(model: PreTrainedModel) -> int:
    """Return the position of a sentence's first token: models of RoBERTa's kind count from after the pad token's id."""
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


def prompt_of(encoder: SentenceTransformer) -> str:
    """Return what an encoder puts before every sentence; none if empty."""
    return encoder.prompts.get(encoder.default_prompt_name or "") or ""


def load(folder: Path) -> SentenceTransformer:
    """Load an encoder, onto the GPU if there is one. Nothing is fetched from anywhere.

    Raises:
        KosbertError: there is no encoder in the folder, or it cannot be read.
    """
    if not (folder / "modules.json").is_file():
        raise KosbertError(
            f"{folder}: no sentence-transformers model there (modules.json is missing); `dvc repro` makes it"
        )
    _bound_caches()
    try:
        return SentenceTransformer(str(folder), local_files_only=True)
    except Exception as error:  # whatever the libraries raise over a broken file
        raise KosbertError(
            f"{folder}: no sentence-transformers model that we can load: {one_line(error)}; `dvc repro` makes ours"
        ) from error


def _bound_caches() -> None:
    """Let this process, and those it starts, keep less of oneDNN's code; before the first model is used.

    oneDNN, and what PyTorch puts around it, each keep code for the last 1,024 shapes of a product, and nearly every
    batch has another: 0.5 GB. One batch has some 30 shapes at most, a step of training 60.
    """
    for cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(cache, "64")


def read_card(folder: Path) -> str:
    """Return the card of a saved encoder.

    Raises:
        KosbertError: there is none.
    """
    try:
        return (folder / CARD).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KosbertError(f"{folder}: no model with a card there ({CARD} is missing); `dvc repro` makes it") from None


@contextmanager
def whole_or_error() -> Iterator[None]:
    """Turn a failure to write weights (a full disk, say) into a clear error."""
    try:
        yield
    except SafetensorError as error:
        raise KosbertError(f"the weights could not be written: {error}; free some space, and run this again") from error


def save(encoder: SentenceTransformer, folder: Path, *, card: str) -> None:
    """Save an encoder as safetensors and a fast tokenizer, whole or not at all, the same bytes for the same weights.

    Args:
        encoder: the encoder.
        folder: where to.
        card: the model's card, which tells what it is and under which licence.
    """
    with whole_or_error(), atomic_write(folder) as draft:
        encoder.save(str(draft), create_model_card=False)  # the library's card holds examples drawn at random
        (draft / CARD).write_text(card, encoding="utf-8", newline="\n")
