"""Weights that are complete: where some are missing, the libraries would draw numbers at random, and say nothing."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from transformers import PreTrainedModel

from kosbert.encoder.layout import MODULES, TOKENIZER_CONFIG, WEIGHTS, transformer_folder
from kosbert.encoder.sums import AGAIN, is_inside
from kosbert.errors import KosbertError, one_line

MAX_LAYERS = 1_000
MAX_PER_BYTE = 8  # numbers of a matrix in a byte of the file
SHOWN = 3  # how many names of weights a message has
MAX_NAME = 80  # characters of each
# How weights are read whose names and shapes are to be checked.
WITH_INFO = {
    "output_loading_info": True,
    "ignore_mismatched_sizes": True,  # they are named below
    "local_files_only": True,
}


class NotFiniteError(KosbertError):
    """Weights are no longer numbers, as after a training that has diverged."""


def check_files(folder: Path) -> None:
    """Check the files of a transformer before the libraries read its weights, and make room for them.

    Args:
        folder: the folder of a model.

    Raises:
        KosbertError: a size in the config is far too large for the weights, or weights lie outside of the folder.
    """
    inside = folder / transformer_folder(folder)
    for index in filter(Path.is_file, (inside / name for name in WEIGHTS if name.endswith(".json"))):
        for name in {*json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}:
            if not is_inside(name):
                raise KosbertError(f"{index}: {one_line(name, MAX_NAME)} is not a file of this folder; {AGAIN}")
    if not (file := inside / "config.json").is_file():
        return
    config = json.loads(file.read_text(encoding="utf-8"))
    sizes = {key: value for key, value in config.items() if type(value) is int}
    stored = sum(each.stat().st_size for each in inside.iterdir() if each.suffix in (".safetensors", ".bin"))
    for key, value in sizes.items():
        # A matrix of this size, at the fewest bits for a number that there are.
        large = key.endswith("_size") and value * sizes.get("hidden_size", 1) > MAX_PER_BYTE * stored > 0
        if large or ("layers" in key and value > MAX_LAYERS):
            raise KosbertError(f"{file}: {one_line(key, 40)} {one_line(value, 40)} is too large; {AGAIN}")


def check_transformers(model: SentenceTransformer, folder: Path) -> None:
    """Check that a model's transformer was loaded with all of its weights, and that it uses all that are its own.

    Other modules are not looked at: the library refuses weights that do not fit them.

    Args:
        model: the model, as it was loaded; a pooler without weights is set to zero.
        folder: the folder that it was loaded from.

    Raises:
        KosbertError: weights are missing, of another shape, or left over.
    """
    modules = json.loads((folder / MODULES).read_text(encoding="utf-8"))
    unchecked = sum(isinstance(part, Transformer) for part in model.modules())
    if len(modules) != len(model):
        what = f"{MODULES} lists {len(modules):,} modules, and {len(model):,} were loaded"
        raise KosbertError(f"{folder}: {what}: two have one name, or it is a model of another kind; {AGAIN}")
    for entry, module in zip(modules, model, strict=True):
        if isinstance(module, Transformer):
            _check_transformer(module, folder, entry["path"])
            unchecked -= 1
    if unchecked:
        raise KosbertError(f"{folder}: a transformer inside another module; its weights cannot be checked")


def _check_transformer(transformer: Transformer, folder: Path, path: str) -> None:
    settings = Transformer.load_config(str(folder), subfolder=path, local_files_only=True)
    options = settings.get("model_kwargs") or settings.get("model_args") or {}
    inner, inside = transformer.model, folder / path
    if not (inside / TOKENIZER_CONFIG).is_file():  # the libraries would take some tokenizer, and perhaps another one
        raise KosbertError(f"{inside / TOKENIZER_CONFIG} is missing; it says how texts are tokenized; {AGAIN}")
    _check_types(inner, inside)
    _, info = type(inner).from_pretrained(inside, config=inner.config, **{**options, **WITH_INFO})
    weights = next((inside / name for name in WEIGHTS if (inside / name).is_file()), inside)
    check_weights(inner, info, weights, pooler="pooler" in str(transformer.modality_config))


def _check_types(model: PreTrainedModel, inside: Path) -> None:
    """Refuse weights that are whole numbers: the libraries would convert their bits to other numbers."""
    if getattr(model.config, "quantization_config", None):
        return
    own, parameters = f"{model.base_model_prefix}.", {name for name, _ in model.named_parameters()}
    for file in sorted(inside.glob("*.safetensors")):
        with safe_open(file, "pt") as content:
            types = {name: content.get_slice(name).get_dtype() for name in content.keys()}  # noqa: SIM118 - no mapping
        whole = [name for name, kind in types.items() if "F" not in kind and name.removeprefix(own) in parameters]
        _refuse_if_any(file, "no floats in", [f"{name} ({types[name]})" for name in whole])


def check_weights(model: PreTrainedModel, info: dict[str, Any], weights: Path, *, pooler: bool = False) -> None:
    """Check how a transformer's weights were loaded.

    Args:
        model: the transformer; a pooler without weights is set to zero, so that it is the same each time.
        info: what `from_pretrained` tells of the loading.
        weights: the file of the weights, for the message.
        pooler: whether the pooler is used; if not, it may be missing.

    Raises:
        KosbertError: weights are missing, of another shape, or left over.
    """
    own, inside = f"{model.base_model_prefix}.", {name for name, _ in model.named_children()}
    missing = [name for name in info["missing_keys"] if pooler or not _is_of_pooler(name)]
    _refuse_if_any(weights, "the weights lack", missing)
    wrong = [
        f"{name} {list(there)} (config: {list(here)})"
        for name, there, here in info["mismatched_keys"]
        if pooler or not _is_of_pooler(name)
    ]
    _refuse_if_any(weights, "the weights have another shape than the config says:", wrong)
    # Heads for other tasks stand beside the transformer's own layers, and are not used here.
    left = [name for name in info["unexpected_keys"] if name.removeprefix(own).partition(".")[0] in inside]
    _refuse_if_any(weights, "the config has no place for", [name for name in left if not _is_of_pooler(name)])
    broken = [name for name, values in model.named_parameters() if not _is_finite(values)]
    _refuse_if_any(weights, "no finite numbers in", broken, NotFiniteError)
    random = {*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])}
    for name, values in model.named_parameters():
        if name in random:
            torch.nn.init.zeros_(values)


def _is_finite(values: torch.Tensor) -> bool:
    return math.isfinite(values.detach().sum(dtype=torch.float32))  # far faster than looking at each number


def _is_of_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def _refuse_if_any(weights: Path, what: str, names: list[str], kind: type[KosbertError] = KosbertError) -> None:
    if names:
        shown = ", ".join(one_line(name, MAX_NAME) for name in sorted(names)[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise kind(f"{weights}: {what} {shown}{more}; config and weights must come from the same model; {AGAIN}")
