"""The folder of a model, from here or from a model hub; and a check that loading it runs no code that comes with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kosbert.encoder.layout import CARD, MAX_JSON, MAX_SETTINGS, MODULES, transformer_folder
from kosbert.encoder.sums import AGAIN, SUMS
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
MAX_SHOWN = 120  # characters of a name or a value that a message has
MADE_HERE = "; models/ is made by `make benchmark`, and found from the project's top folder"


def find(model: str) -> Path:
    """Return the folder of a model: the one that is meant, or a copy of the hub's in its cache.

    Raises:
        KosbertError: the hub cannot be reached, or has no such model.
    """
    if Path(model).exists():
        return _of_plain_files(Path(model))
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
    return _of_plain_files(folder)


def _of_plain_files(folder: Path) -> Path:
    """Return the folder of a model none of whose files would be read without an end."""
    if not any((folder / name).is_file() for name in (MODULES, MANIFEST)):
        return folder
    for file in sorted(folder.rglob("*")):
        if file.exists() and not (file.is_file() or file.is_dir()):
            raise KosbertError(f"{folder}: {_name(file, folder)} is not a file; {AGAIN}")
        if file.suffix == ".json" and file.is_file() and (size := file.stat().st_size) > MAX_JSON:
            raise KosbertError(
                f"{folder}: {_name(file, folder)} has {size:,} bytes; expected at most {MAX_JSON:,}; {AGAIN}"
            )
    return folder


def has_weights(folder: Path) -> bool:
    """Return whether the folder of a model has its transformer's weights for PyTorch."""
    return any(is_weights(folder, name) for name in model_files(folder))


def is_weights(folder: Path, name: Path) -> bool:
    """Return whether a file of a model's folder holds weights of its transformer, and not of a layer after it."""
    return name.parent == transformer_folder(folder) and any(name.match(pattern) for pattern in WEIGHTS)


def model_files(folder: Path) -> list[Path]:
    """Return the names of the files of a model: all but hidden ones and exports, whoever made them."""
    names = [file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file()]
    return [name for name in names if not (_is_hidden(name) or _is_export(name))]


def deciding_files(folder: Path) -> list[Path]:
    """Return the names of the files of a model that decide its embeddings, and that `find` downloads."""
    names = model_files(folder)
    safe = any(name.suffix == ".safetensors" for name in names)
    skipped = [CARD, SUMS, *OTHER_FORMATS, *([PYTORCH] if safe else [])]
    return [name for name in names if not any(name.match(pattern) for pattern in skipped)]


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
    if not (folder / MODULES).is_file():
        raise KosbertError(f"{model}: not a sentence-transformers model (it has no {MODULES})")
    # The libraries refuse classes of a model's own, but do what the settings of its modules say.
    for file in sorted(folder.rglob(SETTINGS)):
        for asked in _wants_code(_settings(file, folder)):
            raise KosbertError(f"{model}: {_name(file, folder)} sets {asked}, but {NEVER}; choose another model")
    return folder


def _name(file: Path, folder: Path) -> str:
    return one_line(file.relative_to(folder), MAX_SHOWN)


def _settings(file: Path, folder: Path) -> Any:  # noqa: ANN401 - as JSON has it
    try:
        with file.open("rb") as content:
            return json.loads(content.read(MAX_SETTINGS))  # one that is cut off cannot be read
    except (OSError, ValueError, RecursionError) as error:
        raise KosbertError(
            f"{folder}: {_name(file, folder)}: model settings that cannot be read: {one_line(error, MAX_SHOWN)}; "
            f"{AGAIN}"
        ) from error


def _wants_code(settings: Any) -> Iterator[str]:  # noqa: ANN401 - as JSON has it
    """Find the settings that would have code run; also an attention that is a repository of kernels on the hub."""
    unread = [settings]
    while unread:
        match unread.pop():
            case dict() as values:
                for key, value in values.items():
                    if key in RUNS_CODE or ("attn_implementation" in key and "/" in str(value)):
                        yield one_line(f"{key} to {value}", MAX_SHOWN)
                unread += values.values()
            case list() as values:
                unread += values
