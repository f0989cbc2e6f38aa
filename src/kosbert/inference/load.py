"""Load any model, by what it is: see `kosbert.load`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from kosbert.encoder.calibration import read_calibration
from kosbert.encoder.failures import enough_memory
from kosbert.errors import KosbertError, one_line
from kosbert.inference.encoder import BaseEncoder, Precision
from kosbert.inference.exported import ExportedEncoder, choose
from kosbert.inference.folder import MAX_SHOWN, find, has_weights
from kosbert.inference.manifest import read_manifest
from kosbert.inference.openvino_graph import openvino_library
from kosbert.inference.pool import PoolEncoder


def load(
    model: str, *, precision: Precision = "auto", devices: Sequence[str] = (), max_length: int | None = None
) -> BaseEncoder:
    """Load a model; `kosbert.load` says how."""
    if precision not in get_args(Precision):
        raise KosbertError(f"precision is {precision!r}; expected one of {', '.join(get_args(Precision))}")
    if isinstance(devices, str):
        raise KosbertError(f"devices is the text {devices!r}; expected a list, such as [{devices!r}]")
    with enough_memory(f"load {model}"):
        if len(devices) > 1:
            return PoolEncoder(partial(load_on, model, precision, max_length), devices)
        return load_on(model, precision, max_length, devices[0] if devices else None)


def load_on(model: str, precision: Precision, max_length: int | None, device: str | None) -> BaseEncoder:
    """Load a model in this process.

    Args:
        model: see `kosbert.load`.
        precision: see `kosbert.load`.
        max_length: see `kosbert.load`.
        device: the device, such as `cpu` or `cuda:1`; if None, the GPU if there is one, else the CPU.

    Raises:
        KosbertError: see `kosbert.load`.
    """
    folder = find(model)
    manifest = read_manifest(folder)
    if manifest and device in (None, "cpu"):
        chosen = choose(manifest, precision)
        if chosen:
            return ExportedEncoder(folder, manifest, chosen, max_length=max_length)
    if manifest and not has_weights(folder):
        there = one_line(", ".join(f"{one.format} in {one.precision}" for one in manifest.exports), MAX_SHOWN)
        raise KosbertError(
            f"{model}: precision {precision}, device {device or 'cpu'}: an export without PyTorch weights has only its "
            f"exported precisions, on the CPU: {there}; choose one of these, or load the original model"
        )
    if precision != "int8" and not manifest and (encoder := _at_once(folder, precision, max_length, device)):
        return encoder
    from kosbert.inference.pytorch import PyTorchEncoder, load_model  # noqa: PLC0415 - imports sentence-transformers

    if precision != "int8":
        loaded = load_model(model, device=device, folder=folder)
        return PyTorchEncoder(loaded.model, precision=precision, max_length=max_length, calibration=loaded.calibration)
    from kosbert.inference.int8 import Int8Encoder  # noqa: PLC0415 - imports torch

    if device not in (None, "cpu"):
        raise KosbertError(f"device {device}: int8 runs only on the CPU; choose another precision")
    openvino_library()  # if it is missing, that is known before the model is loaded
    loaded = load_model(model, device="cpu", folder=folder)
    return Int8Encoder(loaded.model, max_length=max_length, calibration=loaded.calibration)


def _at_once(
    folder: Path, precision: Literal["auto", "fp32", "bf16"], max_length: int | None, device: str | None
) -> BaseEncoder | None:
    """Load a model of ours without the libraries that load any model; None if it is another, or damaged."""
    from kosbert.encoder.encode import read_for_cpu  # noqa: PLC0415 - imports torch
    from kosbert.inference.saved import SavedEncoder  # noqa: PLC0415 - imports torch

    if not (saved := read_for_cpu(folder, device)):
        return None
    return SavedEncoder(saved, precision=precision, max_length=max_length, calibration=read_calibration(folder))
