"""A sentence-transformers model as a graph of ONNX, in one file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from kosbert.errors import KosbertError, needs_extra
from kosbert.inference.convert import Convertible, converting, example
from kosbert.inference.graph import INPUTS, OUTPUTS

# The oldest that have all that is needed, so that older programs read the file: ONNX Runtime from 1.14 on.
OPSET, IR_VERSION = 18, 8
MOST_BYTES = 2_000_000_000  # of a protocol buffer, and a little less


def need_exporter() -> None:
    """Import what writes a graph of ONNX.

    Raises:
        KosbertError: the extra is not installed.
    """
    with needs_extra("export", "exporting to ONNX"):
        import onnx  # noqa: F401, PLC0415 - an extra
        import onnxscript  # noqa: F401, PLC0415 - torch's exporter works with it


def to_onnx(model: SentenceTransformer) -> Any:  # noqa: ANN401 - a type of the extra
    """Return the graph of ONNX from token ids and attention mask to embeddings.

    Raises:
        KosbertError: the extra is not installed, the model is too large, or ONNX cannot do what it does.
    """
    need_exporter()
    module = Convertible(model)
    size = sum(4 * weights.numel() for weights in module.state_dict().values())
    if size > MOST_BYTES:
        raise KosbertError(
            f"its weights are {size / 1e9:.1f} GB in fp32, and an ONNX file holds at most 2 GB; export it to OpenVINO"
        )
    axes = {0: "batch", 1: "tokens"}
    with converting("ONNX"), _quiet_exporter():
        program = torch.onnx.export(
            module,
            kwargs=example(),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=dict.fromkeys(INPUTS, axes),
        )
        graph = program.model_proto
    graph.ir_version = IR_VERSION
    _remove_traces(graph.graph)
    return graph


def save_onnx(graph: Any, file: Path) -> None:  # noqa: ANN401 - a type of the extra
    """Save a graph.

    Raises:
        KosbertError: it cannot be written.
    """
    try:
        file.write_bytes(graph.SerializeToString())
    except OSError as error:
        raise KosbertError(f"{file.name}: the weights could not be written ({error.strerror})") from error


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Do not tell which libraries are not installed that might have had operators of their own."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _remove_traces(graph: Any) -> None:  # noqa: ANN401
    """Remove the paths of this machine, and lines of code, that the exporter notes at every node."""
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
