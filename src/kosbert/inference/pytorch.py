"""A sentence-transformers model with PyTorch: without padding on a CPU, and in bf16 where the hardware has it."""

import math
from contextlib import ExitStack
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal, NamedTuple, TypedDict

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from tokenizers import Tokenizer

from kosbert.encoder.calibration import read_calibration
from kosbert.encoder.encode import encoding, has_bf16
from kosbert.encoder.model import load, prompt_of
from kosbert.encoder.positions import position_count
from kosbert.errors import KosbertError, one_line
from kosbert.inference.digest import digest_of
from kosbert.inference.encoder import BaseEncoder, Calibration, Embeddings, limited, other_length
from kosbert.inference.folder import NEVER, checked, has_weights
from kosbert.inference.manifest import MANIFEST


class PyTorchEncoder(BaseEncoder):
    """A sentence-transformers model with PyTorch."""

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        max_length: int | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Take a loaded model, which may not change from now on; see `load_model`.

        Raises:
            KosbertError: as `tokenizer_of` and `limit_length`.
        """
        bf16 = has_bf16(model.device) if precision == "auto" else precision == "bf16"
        engine = f"pytorch-{'bf16' if bf16 else 'fp32'}-{model.device.type}"
        digest, resources = limited(model_digest(model), limit_length(model, max_length)), ExitStack()
        super().__init__(
            fingerprint=f"{digest}:{engine}", calibration=calibration, resources=resources, **lengths_of(model)
        )
        self._model, self._encode = model, resources.enter_context(encoding(model, bf16=bf16))

    def _embed(self, texts: list[str]) -> Embeddings:
        return self._encode(texts)

    def _count_tokens(self, texts: list[str]) -> list[int]:
        return count_tokens(self._model, texts)


class Loaded(NamedTuple):
    """A loaded model, and the folder that it comes from."""

    model: SentenceTransformer
    folder: Path

    @property
    def calibration(self) -> Calibration | None:
        """What a cosine of the model means; None if the folder does not tell."""
        return read_calibration(self.folder)


def load_model(model: str, *, device: str | None = None, folder: Path | None = None) -> Loaded:
    """Load a sentence-transformers model from a folder, or from a model hub.

    Args:
        model: a folder, from which it is loaded without any network, or else a name on the hub.
        device: the device to load it onto; the GPU if there is one, if None.
        folder: where it is, if it has been found already; see `find`.

    Raises:
        KosbertError: there is no such model or device, it is none that we can load, or it wants to have code run.
    """
    folder = checked(model, folder)
    if (folder / MANIFEST).is_file() and not has_weights(folder):
        raise KosbertError(
            f"{model}: an export without PyTorch weights, which this command needs; use the original model"
        )
    _check_device(device)
    try:
        return Loaded(load(folder, device=device), folder)
    except KosbertError as error:
        if isinstance(error.__cause__, UnpicklingError):
            reason = f"its weights are damaged or contain code, and {NEVER}"
            raise KosbertError(f"{model}: {reason}; use safetensors") from error
        if "trust_remote_code" in str(error.__cause__):  # which the libraries advise to set
            raise KosbertError(f"{model}: needs custom classes, but {NEVER}; choose another model") from error
        raise


def _check_device(device: str | None) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch's, over a device of no kind and over one not here
        raise KosbertError(f"device {device}: not available here: {one_line(error, 120)}") from error


def max_length_of(model: SentenceTransformer) -> int | None:
    """Return how many tokens of a text a model reads; None if all."""
    length = model.max_seq_length
    return int(length) if length is not None and math.isfinite(length) else None


def most_tokens_of(model: SentenceTransformer) -> int | None:
    """Return how many tokens of a text a model can read; None if that is not known."""
    if not isinstance(model[0], Transformer):
        return None
    most = position_count(model[0].model)
    return int(most) if math.isfinite(most) else None


def limit_length(model: SentenceTransformer, wanted: int | None) -> int | None:
    """Let a model read another number of tokens than its own.

    Args:
        model: the model, which is changed.
        wanted: the number; its own if None.

    Returns:
        The number, if it is another than the model's own.

    Raises:
        KosbertError: the model cannot read so many.
    """
    wanted = other_length(wanted, max_length_of(model), most_tokens_of(model))
    if wanted is not None:
        model.max_seq_length = wanted
    return wanted


def count_tokens(model: SentenceTransformer, texts: list[str]) -> list[int]:
    """Return how many tokens each text has, prompt and special tokens included, and those that are cut off."""
    prompted = [prompt_of(model) + text for text in texts]
    if isinstance(model.tokenizer, Tokenizer):  # as static embeddings have it, which read no special tokens
        return [len(one.ids) for one in model.tokenizer.encode_batch(prompted, add_special_tokens=False)]
    found = model.tokenizer(prompted, truncation=False, padding=False, return_attention_mask=False, verbose=False)
    return [len(ids) for ids in found["input_ids"]]


class Lengths(TypedDict):
    """The lengths of what a model reads and makes; see `BaseEncoder`."""

    dimensions: int
    max_length: int | None
    most_tokens: int | None


def lengths_of(model: SentenceTransformer) -> Lengths:
    """Return how many numbers an embedding of a model has, and how many tokens it reads and can read."""
    return {
        "dimensions": int(model.get_embedding_dimension() or 0),
        "max_length": max_length_of(model),
        "most_tokens": most_tokens_of(model),
    }


def tokenizer_of(model: SentenceTransformer) -> Tokenizer:
    """Return a model's tokenizer as the library tokenizers has it.

    Raises:
        KosbertError: it is of another library.
    """
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise KosbertError(f"the model's tokenizer ({type(tokenizer).__name__}) is not from the library tokenizers")
    return tokenizer


def model_digest(model: SentenceTransformer) -> str:
    """Return a digest of all that a model's embeddings depend on: modules, weights, tokenizer and prompt.

    Raises:
        KosbertError: as `tokenizer_of`.
    """
    settings = {
        "modules": [type(module).__name__ for module in model],
        "pooling": [module.get_config_dict() for module in model if hasattr(module, "get_config_dict")],
        "prompt": model.prompts.get(model.default_prompt_name or ""),
        "longest": model.max_seq_length,
    }
    return digest_of(settings, tokenizer_of(model), model.state_dict())
