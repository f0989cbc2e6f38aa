"""What a pretrained base is before it is an encoder: a model, and the tokenizer that belongs to it."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import BertConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from kosbert.errors import KosbertError, one_line

CHUNK = 10_000  # sentences that are tokenised at once
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
AGAIN = "copy or download the file again"
SHOWN = 3  # names of weights in a message


@dataclass(frozen=True)
class Backbone:
    """A model that gives token embeddings, and its fast tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast


def token_ids(tokenizer: PreTrainedTokenizerFast, sentences: list[str]) -> Iterator[list[int]]:
    """Yield the ids of each sentence, special tokens included, in bounded memory however many sentences there are."""
    for first in range(0, len(sentences), CHUNK):
        yield from tokenizer(sentences[first : first + CHUNK]).input_ids


def token_embeddings(parts: Backbone, sentences: list[str], length: int) -> torch.Tensor:
    """Return the embeddings [sentences, tokens, dimensions] of sentences of at most `length` tokens."""
    batch = parts.tokenizer(sentences, padding=True, truncation=True, max_length=length, return_tensors="pt")
    with torch.inference_mode():
        output = parts.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    embeddings: torch.Tensor = output.last_hidden_state
    return embeddings


def find(folder: Path, *names: str) -> Path:
    """Return the first of these files that the folder has.

    Raises:
        KosbertError: there is no such folder, or none of the files is in it.
    """
    if not folder.is_dir():
        raise KosbertError(
            f"base model: no folder {folder} (that is {folder.resolve()}); put it there, or give its place as "
            "`path` of the base model in params.yaml"
        )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise KosbertError(
        f"base model: {folder} has no {' or '.join(names)}; it has {_listing(folder)}. "
        "The README lists what belongs into the folder."
    )


def _listing(folder: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return ", ".join(names) or "nothing"


def bert_config(path: Path, *, pieces: int, pad: int) -> BertConfig:
    """Read the configuration of a BERT whose vocabulary has that many pieces, its pad piece that id.

    Raises:
        KosbertError: the file is no such configuration, or is of another vocabulary.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = int(values["vocab_size"])
        config = BertConfig(**values | {"pad_token_id": pad})
    # ill-formed JSON and text that is not UTF-8 are ValueErrors
    except (ValueError, TypeError, KeyError, StrictDataclassError) as error:
        raise KosbertError(f"{path}: not the configuration of a BERT: {one_line(error)}") from error
    if rows != pieces:
        raise KosbertError(
            f"{path}: vocab_size is {rows:,}, but the vocabulary has {pieces:,} pieces; "
            "both have to be of the same model"
        )
    return config


def load_model(kind: type[PreTrainedModel], folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    """Load the weights of a folder (`model.safetensors`, or `pytorch_model.bin` without running any code in it).

    A pooler that the weights lack is set to zero: mean pooling does not use it.

    Args:
        kind: transformers' class to make, `AutoModel` or another.
        folder: where the weights are.
        config: the shape of the model.

    Raises:
        KosbertError: the weights are missing, damaged, hold anything but tensors, or do not fit the config.
    """
    weights = find(folder, *WEIGHTS)
    try:
        model, info = kind.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
            local_files_only=True,
        )
    except pickle.UnpicklingError as error:
        raise KosbertError(_refusal(weights, str(error))) from error
    # What the readers of both formats raise on a damaged file
    except (OSError, RuntimeError, EOFError, TypeError, ValueError, KeyError, SafetensorError) as error:
        reason = one_line(error) or "it ends too early"
        raise KosbertError(f"{weights}: the weights cannot be read: {reason}; {AGAIN}") from error
    missing = [name for name in info["missing_keys"] if "pooler" not in name]
    _none(weights, "the weights lack", missing)
    wrong = [f"{name} {list(there)} (config: {list(here)})" for name, there, here in info["mismatched_keys"]]
    _none(weights, "the weights have another shape than the config says:", wrong)
    for name, values in model.named_parameters():
        if name in info["missing_keys"]:
            torch.nn.init.zeros_(values)
    return model.eval()


def _refusal(weights: Path, reason: str) -> str:
    named = next((line.strip() for line in reason.splitlines() if "GLOBAL" in line), None)
    if named:
        return f"{weights}: holds code besides tensors, which is never run ({named}); get plain weights"
    return f"{weights}: no PyTorch weights, or damaged; {AGAIN}"


def _none(weights: Path, what: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(sorted(names)[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        raise KosbertError(f"{weights}: {what} {shown}; config and weights have to be of the same model")
