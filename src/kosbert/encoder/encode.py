"""Many texts to embeddings, fast: each distinct one once, without padding, in bf16 where the hardware has it."""

# ruff: noqa: PLC0415 - the libraries that load any model take seconds to import

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from kosbert.encoder.batches import Embeddings, batches
from kosbert.encoder.bert import POOLINGS, Bert, can_compute, position_offset
from kosbert.encoder.calibration import Calibration, fit
from kosbert.encoder.saved import SavedModel, read_saved
from kosbert.encoder.similarities import cosine

if TYPE_CHECKING:
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

# Characters of a batch. A CPU works from its caches, which are small; a GPU has to be kept busy.
ON_CPU = 2_000
ON_GPU = 50_000


def has_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 matrices in hardware; where it does not, bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - the public name is not there yet


@contextmanager
def encoding(
    model: SentenceTransformer, *, bf16: bool | None = None
) -> Iterator[Callable[[Sequence[str]], Embeddings]]:
    """Make a model ready to encode fast, for the length of a block.

    Args:
        model: the model; its weights may not change in the block.
        bf16: whether to multiply in bf16; where the hardware does, if None. Then embeddings have a cosine of at least
            0.999 with those in fp32, and Spearman correlations on KorSTS change by less than 0.1 (x 100).

    Yields:
        A function from texts, in any order and perhaps repeated, to their embeddings [texts, dimensions] in that order,
        with the model's own prompt.
    """
    bf16 = has_bf16(model.device) if bf16 is None else bf16
    if engine := _engine(model, bf16=bf16):
        yield lambda texts: engine.embed(token_rows(model, texts))
        return
    size = ON_CPU if model.device.type == "cpu" else ON_GPU

    def encode_texts(texts: Sequence[str]) -> Embeddings:
        parts, numbers = batches(texts, size)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            found = [model.encode(part, batch_size=len(part), show_progress_bar=False) for part in parts]
        return np.concatenate(found).astype(np.float32, copy=False)[numbers]

    yield encode_texts


def token_rows(model: SentenceTransformer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, with the model's prompt and cut off at its length."""
    from kosbert.encoder.model import prompt_of

    prompted = [prompt_of(model) + text for text in texts]
    options = {"padding": False, "return_attention_mask": False, "return_token_type_ids": False}
    rows: list[list[int]] = model.tokenizer(prompted, truncation=True, **options)["input_ids"]
    return rows


def _engine(model: SentenceTransformer, *, bf16: bool) -> Bert | None:
    """Return what encodes with the weights that a model has now; None if it is not known in full."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import PreTrainedTokenizerFast

    from kosbert.encoder.positions import first_position

    kinds = [type(module) for module in model]
    if (
        kinds not in ([Transformer, Pooling], [Transformer, Pooling, Normalize])
        or model.truncate_dim is not None
        or model.device.type != "cpu"
        or not isinstance(model.tokenizer, PreTrainedTokenizerFast)
    ):
        return None
    transformer, pooling = model[0], model[1]
    config, weights = transformer.model.config.to_dict(), transformer.model.state_dict()
    known = (
        can_compute(config, weights)
        and position_offset(config) == first_position(transformer.model)
        and pooling.pooling_mode in POOLINGS
        and pooling.include_prompt
        and not transformer.processing_kwargs
        and not any(model.tokenizer("", return_token_type_ids=True)["token_type_ids"])
        and model.tokenizer("")["input_ids"]
    )
    pooled = {"normalize": Normalize in kinds, "pooling": pooling.pooling_mode}
    return Bert(config, weights, bf16=bf16, **pooled) if known else None


def encode(model: SentenceTransformer, texts: Sequence[str], *, bf16: bool | None = None) -> Embeddings:
    """Return the embeddings [texts, dimensions] of at least one text; see `encoding`."""
    with encoding(model, bf16=bf16) as encode_texts:
        return encode_texts(texts)


def read_for_cpu(folder: Path, device: str | None = None) -> SavedModel | None:
    """Read a saved model in a moment, if it is for a CPU and known in full; else None.

    Args:
        folder: the folder.
        device: the device that is wanted; the GPU if there is one, if None.
    """
    on_cpu = device == "cpu" or (device is None and not torch.accelerator.is_available())
    return read_saved(folder) if on_cpu else None


def load_encode(folder: Path) -> Callable[[Sequence[str]], Embeddings]:
    """Load a saved model to encode with it; it is ready in a moment if it is known in full, see `saved`.

    Returns:
        A function from at least one text to embeddings [texts, dimensions]; see `encoding`.

    Raises:
        KosbertError: see `encoder.model.load`.
    """
    if saved := read_for_cpu(folder):
        tokens, engine = saved.tokens(), saved.engine(bf16=has_bf16(torch.device("cpu")))
        return lambda texts: engine.embed(tokens.rows(texts))
    from kosbert.encoder.model import load

    return partial(encode, load(folder))


def calibrate(
    model: SentenceTransformer, pairs: Iterable[tuple[str, str, float]], *, bf16: bool | None = None
) -> Calibration:
    """Return what a cosine of a model means.

    Args:
        model: the model.
        pairs: the pairs to fit it to, each as sentence, sentence, score from 0 to 5; at least one.
        bf16: see `encoding`.
    """
    sentences1, sentences2, scores = map(list, zip(*pairs, strict=True))
    left, right = np.split(encode(model, [*sentences1, *sentences2], bf16=bf16).astype(np.float64), 2)
    return fit(cosine(left, right), scores)
