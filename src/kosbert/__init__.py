"""Train, benchmark and use Korean Sentence-BERT.

`kosbert.load` is all that is needed to use a model; everything else is found in the rooms below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from kosbert.inference.encoder import BaseEncoder, Precision

__all__ = ["__version__", "load"]


def load(
    model: str | PathLike[str],
    *,
    precision: Precision = "auto",
    devices: Sequence[str] = (),
    max_length: int | None = None,
) -> BaseEncoder:
    """Load a model, to encode texts with it.

    ```python
    with kosbert.load("models/best") as encoder:
        embeddings = encoder.encode(["오늘은 비가 온다.", "비가 내린다."])  # float32 [2, dimensions]
    ```

    Args:
        model: a sentence-transformers folder, a folder that `kosbert export` made, or a name on the hub. A folder is
            loaded without any network, and no code that comes with a model is run.
        precision: the precision of the matrix products. `auto` is bf16 where the hardware multiplies it, else fp32;
            `int8` needs OpenVINO, and rounds the weights (cosine with fp32 at least 0.97). Of an exported model, `auto`
            is fp32 if that was exported, else int8; what was not exported is computed with PyTorch, if its weights are
            in the folder.
        devices: the devices to encode on, such as `cuda:1`. Several, also repeated, start a process for each; a script
            that does so has to guard its own code with `if __name__ == "__main__":`. If empty, it is the GPU if there
            is one, else the CPU; an export, which is for the CPU, is used there.
        max_length: how many tokens of a text are read, special tokens and prompt included. If None, it is the model's
            own number (128 for ours); the rest of a longer text does not count, see `count_truncated`.

    Returns:
        The encoder, with `encode(texts)`, `count_tokens(texts)`, `count_truncated(texts)`, `dimensions`, `max_length`,
        `fingerprint` and `calibration`, which tells what a cosine means. Threads may share it. As a context manager it
        stops its processes at the end.

    Raises:
        KosbertError: there is no such model or device, the model cannot be loaded here, or cannot read so many tokens.
    """
    from os import fspath  # noqa: PLC0415 - `import kosbert` is to cost nothing

    from kosbert.inference.load import load as load_model  # noqa: PLC0415

    return load_model(fspath(model), precision=precision, devices=devices, max_length=max_length)


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("kosbert")
    raise AttributeError(f"module 'kosbert' has no attribute {name!r}")
