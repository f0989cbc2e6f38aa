"""Any sentence-transformers model: from a folder, or from a model hub."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]  # of the library it uses
from sentence_transformers import SentenceTransformer

from kosbert import encoder
from kosbert.base.hub import REASONS
from kosbert.errors import KosbertError, one_line

# Other forms of the same weights.
LEFT_OUT = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf"]
PYTORCH = "*.bin"


def load(model: str) -> SentenceTransformer:
    """Load a model, onto the GPU if there is one. No code that comes with it is run.

    Args:
        model: a folder, from which it is loaded without any network, or else a name on the hub.

    Raises:
        KosbertError: there is no such model, or it is none that we can load.
    """
    folder = find(model)
    if not (folder / "modules.json").is_file():
        raise KosbertError(f"{model}: no sentence-transformers model (it has no modules.json)")
    try:
        return encoder.load(folder)
    except Exception as error:  # whatever the libraries raise over somebody's files
        raise KosbertError(f"{model}: no sentence-transformers model that we can load: {one_line(error)}") from error


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
        reason = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), None)
        raise KosbertError(
            f"{name}: no such folder here, and it could not be had from the hub: "
            f"{reason or 'no connection, and it is not in the cache'}"
        ) from error
    return folder
