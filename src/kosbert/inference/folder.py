"""The folder of a model, from here or from a model hub; and a check that loading it runs no code that comes with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError, one_line
from kosbert.inference.manifest import MANIFEST

EXPORTS = ["onnx/*", "openvino/*"]
OTHER_FORMATS = ["*.h5", "*.msgpack", "*.ot", "*.gguf"]
WEIGHTS = ["*.safetensors", "pytorch_model*.bin"]
PYTORCH = "*.bin"
# The settings of a model's own files tell transformers what to do; these would have it unpickle code or fetch some.
SETTINGS = "*config*.json"
RUNS_CODE = {"weights_only", "use_kernels", "allow_all_kernels", "kernel_config"}
NEVER = "code that comes with a model is never run here"
MADE_HERE = "; what is under models is made by `make benchmark`, and found from the project's top folder"


def find(model: str) -> Path:
    """Return the folder of a model: the one that is meant, or a copy of the hub's in its cache.

    Raises:
        KosbertError: the hub cannot be reached, or has no such model.
    """
    if Path(model).exists():
        return Path(model)
    from kosbert.encoder.hub import DownloadError, download  # noqa: PLC0415 - slow to import

    try:
        folder = download(model, ignore=[*OTHER_FORMATS, *EXPORTS, "*.onnx", PYTORCH])
        if not any(folder.rglob("*.safetensors")):
            folder = download(model, ignore=[*OTHER_FORMATS, *EXPORTS, "*.onnx"])
        if (folder / MANIFEST).is_file() and not has_weights(folder):
            folder = download(model, ignore=OTHER_FORMATS)
    except DownloadError as error:
        raise KosbertError(
            f"{model}: no such folder here, and it could not be downloaded from the hub: {error}"
            f"{MADE_HERE if model.startswith('models/') else ''}"
        ) from error
    return folder


def has_weights(folder: Path) -> bool:
    """Return whether the folder of a model has its transformer's weights for PyTorch."""
    return any(is_weights(folder, name) for name in model_files(folder))


def is_weights(folder: Path, name: Path) -> bool:
    """Return whether a file of a model's folder holds weights of its transformer, and not of a layer after it."""
    return name.parent == transformer_folder(folder) and any(name.match(pattern) for pattern in WEIGHTS)


def transformer_folder(folder: Path) -> Path:
    """Return the folder of the transformer within that of the model: it is the first module."""
    try:
        return Path(json.loads((folder / "modules.json").read_text(encoding="utf-8"))[0]["path"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return Path()


def model_files(folder: Path) -> list[Path]:
    """Return the names of the files of a model: all but hidden ones and exports, whoever made them."""
    names = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    return [name for name in names if not (_is_hidden(name) or _is_export(name))]


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _is_export(name: Path) -> bool:
    return (
        name == Path(MANIFEST)
        or name.suffix in (".onnx", ".gguf")
        or {"onnx", "openvino"} & {*name.parts[:-1]} != set()
    )


def checked(model: str, folder: Path | None = None) -> Path:
    """Return the folder of a sentence-transformers model that wants no code of its own to be run.

    Args:
        model: a folder, or a name on the hub.
        folder: where it is, if it has been found already.

    Raises:
        KosbertError: as `find`; or the folder has no such model, or its settings ask for code.
    """
    folder = folder or find(model)
    if not (folder / "modules.json").is_file():
        raise KosbertError(f"{model}: no sentence-transformers model (it has no modules.json)")
    # The libraries refuse classes of a model's own, but do what the settings of its modules say.
    for file in sorted(folder.rglob(SETTINGS)):
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise KosbertError(f"{file}: no settings of a model that we can read: {one_line(error)}") from error
        for asked in _wants_code(settings):
            raise KosbertError(f"{model}: {file.relative_to(folder)} sets {asked}, but {NEVER}; choose another model")
    return folder


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
