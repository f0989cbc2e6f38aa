"""What pretrained bases share: their parameters, and the backbone that each kind loads, a model with its tokenizer."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from transformers import BertConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from kosbert.encoder.failures import in_one_line
from kosbert.encoder.layout import WEIGHTS
from kosbert.encoder.model import without_progress_bars
from kosbert.encoder.weights import WITH_INFO, check_weights
from kosbert.errors import KosbertError, one_line
from kosbert.params import Base

CHUNK = 10_000  # how many sentences are tokenised at once
AGAIN = "copy or download the file again"


class Pretrained(Base, extra="forbid"):
    """What every pretrained base has.

    Attributes:
        prompt: the text that goes before every sentence.
        normalize: whether embeddings are scaled to length 1.
        trim: whether the pieces of the vocabulary that Korean does not use are dropped; `auto`: where they are the
            larger part.
        unknown_at_most: the share of unknown pieces in the training sentences above which the base is refused.
        max_seq_length: how many tokens of a text are read; if None, 128, or less where the model takes no more.
    """

    prompt: str = ""
    normalize: bool = False
    trim: Literal["always", "never", "auto"]
    unknown_at_most: Annotated[float, Field(ge=0, le=1)]
    max_seq_length: Annotated[int, Field(ge=8)] | None = None


@dataclass(frozen=True)
class Backbone:
    """A model that gives token embeddings, and its fast tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def token_ids(tokenizer: PreTrainedTokenizerFast, sentences: list[str]) -> Iterator[list[int]]:
    """Yield the ids of each sentence, special tokens included, in bounded memory however many sentences there are."""
    for first in range(0, len(sentences), CHUNK):
        yield from tokenizer(sentences[first : first + CHUNK]).input_ids


def token_embeddings(backbone: Backbone, sentences: list[str], max_length: int) -> torch.Tensor:
    """Return the embeddings [sentences, tokens, dimensions] of the first `max_length` tokens of each sentence."""
    batch = backbone.tokenizer(sentences, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
    with torch.inference_mode():
        output = backbone.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    embeddings: torch.Tensor = output.last_hidden_state
    return embeddings


def find(folder: Path, *names: str) -> Path:
    """Return the first of these files that the folder has.

    Raises:
        KosbertError: there is no such folder, or none of the files is in it.
    """
    if not folder.is_dir():
        raise KosbertError(
            f"base model: no folder {folder} ({folder.resolve()}); put it there, or set "
            "`path` of the base model in params.yaml"
        )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise KosbertError(
        f"base model: {folder} has no {' or '.join(names)}; it has {_listing(folder)}. "
        "docs/base-models.md lists the files of the folder."
    )


def _listing(folder: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return one_line(", ".join(names), 200) or "nothing"


def bert_config(path: Path, *, pieces: int, pad: int) -> BertConfig:
    """Read the configuration of a BERT.

    Args:
        path: the configuration file.
        pieces: how many pieces the vocabulary has.
        pad: the id of the pad piece, which replaces the file's.

    Raises:
        KosbertError: the file is not the configuration of a BERT, or belongs to another vocabulary.
    """
    with in_one_line(f"{path}: not the configuration of a BERT", AGAIN):
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = int(values["vocab_size"])
        config = BertConfig(**values | {"pad_token_id": pad})
    if rows != pieces:
        raise KosbertError(
            f"{path}: vocab_size is {rows:,}, but the vocabulary has {pieces:,} pieces; "
            "both must come from the same model"
        )
    return config


def load_model(kind: type[PreTrainedModel], folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    """Load the weights of a folder (`model.safetensors`, or `pytorch_model.bin` without running any code in it).

    A pooler that the weights lack is set to zero: mean pooling does not use it.

    Args:
        kind: transformers' class of the model, or `AutoModel`.
        folder: the folder with the weights.
        config: the configuration of the model.

    Raises:
        KosbertError: the weights are missing, damaged, hold anything but tensors, or do not fit the config.
    """
    weights = find(folder, *WEIGHTS)
    with in_one_line(f"{weights}: the weights cannot be read", AGAIN), without_progress_bars():
        try:
            model, info = kind.from_pretrained(folder, config=config, dtype=torch.float32, **WITH_INFO)
        except pickle.UnpicklingError as error:
            raise KosbertError(_unpickling_refusal(weights, str(error))) from error
    check_weights(model, info, weights)
    return model.eval()


def _unpickling_refusal(weights: Path, reason: str) -> str:
    named = next((one_line(line, 200) for line in reason.splitlines() if "GLOBAL" in line), None)
    if named:
        return f"{weights}: holds code besides tensors, which is never run ({named}); use weights without code"
    return f"{weights}: not PyTorch weights, or damaged; {AGAIN}"
