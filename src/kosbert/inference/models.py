"""Any sentence-transformers model: from a folder, or from a model hub. No code that comes with it is run."""

import json
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]  # of the library it uses
from sentence_transformers import SentenceTransformer

from kosbert import encoder
from kosbert.base.hub import reason
from kosbert.errors import KosbertError, one_line

# Other forms of the same weights.
LEFT_OUT = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf"]
PYTORCH = "*.bin"
# What a model's own files may tell transformers, and what would have it unpickle code or fetch some.
SETTINGS = "*config*.json"
RUNS_CODE = {"weights_only", "use_kernels", "allow_all_kernels", "kernel_config"}
NEVER = "code that comes with a model is never run here"
MADE_HERE = "; what is under models is made by `make benchmark`, and found from the project's top folder"


def load(model: str) -> SentenceTransformer:
    """Load a model, onto the GPU if there is one.

    Args:
        model: a folder, from which it is loaded without any network, or else a name on the hub.

    Raises:
        KosbertError: there is no such model, it is none that we can load, or it wants to have code run.
    """
    folder = find(model)
    if not (folder / "modules.json").is_file():
        raise KosbertError(f"{model}: no sentence-transformers model (it has no modules.json)")
    try:
        _refuse_code(model, folder)
        return encoder.load(folder)
    except KosbertError as error:
        if isinstance(error.__cause__, UnpicklingError):
            reason = f"its weights are damaged, or hold code besides tensors, and {NEVER}"
            raise KosbertError(f"{model}: {reason}; use safetensors") from error
        if "trust_remote_code" in str(error.__cause__):  # which the libraries advise to set
            raise KosbertError(f"{model}: needs classes of its own, but {NEVER}; choose another model") from error
        raise


def _refuse_code(model: str, folder: Path) -> None:
    # The libraries refuse classes of a model's own, but do what the settings of its modules say.
    for file in sorted(folder.rglob(SETTINGS)):
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise KosbertError(f"{file}: no settings of a model that we can read: {one_line(error)}") from error
        for asked in _wants_code(settings):
            raise KosbertError(f"{model}: {file.relative_to(folder)} sets {asked}, but {NEVER}; choose another model")


def _wants_code(settings: Any) -> Iterator[str]:  # noqa: ANN401 - as JSON has it
    """Find the settings that would have code run; also an attention that is a repository of kernels on the hub."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key in RUNS_CODE or ("attn_implementation" in key and "/" in str(value)):
                yield f"{key} to {value}"
            yield from _wants_code(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _wants_code(value)


def find(model: str) -> Path:
    """Return the folder of a model: the one that is meant, or a copy of the hub's in its cache.

    Raises:
        KosbertError: the hub cannot be reached, or has no such model.
    """
    return Path(model) if Path(model).exists() else _fetched(model)


def _fetched(name: str) -> Path:
    try:
        folder = Path(snapshot_download(name, ignore_patterns=[*LEFT_OUT, PYTORCH]))
        if not any(folder.rglob("*.safetensors")):
            folder = Path(snapshot_download(name, ignore_patterns=LEFT_OUT))
    except (HFValidationError, HTTPError, OSError) as error:
        raise KosbertError(
            f"{name}: no such folder here, and it could not be had from the hub: {reason(error)}"
            f"{MADE_HERE if name.startswith('models/') else ''}"
        ) from error
    return folder
