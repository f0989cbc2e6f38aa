"""A graph of ONNX on a CPU, by ONNX Runtime."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kosbert.encoder.batches import Embeddings
from kosbert.errors import KosbertError, needs_extra
from kosbert.inference.graph import INPUTS, OUTPUTS, padded_batches, usable_cores

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"  # ONNX Runtime reads it when it is imported
ONLY_ERRORS = 3  # ONNX Runtime's number for the level


def onnxruntime_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the module `onnxruntime`.

    Raises:
        KosbertError: ONNX Runtime is not installed, or would end the process.
    """
    if "usearch" in sys.modules and "onnxruntime" not in sys.modules and find_spec("onnxruntime"):
        raise KosbertError("importing onnxruntime after usearch would end the process; import onnxruntime first")
    with needs_extra("onnx", "a model exported to ONNX"), _without_telemetry():
        import onnxruntime  # noqa: PLC0415 - an extra
    onnxruntime.disable_telemetry_events()
    return onnxruntime


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Import ONNX Runtime in the block: from 1.29 on, it would send word of models and machine to its makers."""
    said = os.environ.get(NO_TELEMETRY)
    os.environ[NO_TELEMETRY] = "1"
    try:
        yield
    finally:
        if said is None:
            del os.environ[NO_TELEMETRY]
        else:
            os.environ[NO_TELEMETRY] = said


class ONNXGraph:
    """A session of ONNX Runtime; see `Graph`."""

    def __init__(self, graph: Path, dimensions: int) -> None:  # noqa: ARG002 - as all graphs take it
        """Load a graph.

        Args:
            graph: the file of the graph, which has our inputs and outputs.
            dimensions: how many numbers an embedding has.
        """
        onnxruntime = onnxruntime_library()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = usable_cores(), 1
        options.log_severity_level = ONLY_ERRORS
        options.enable_mem_pattern = False  # it is kept for each shape, and there are many
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def embed(self, rows: Sequence[Sequence[int]]) -> Embeddings:
        """Return the embeddings [rows, dimensions] of at least one row of token ids, in the order given."""
        parts, numbers = padded_batches(rows)
        found = [self._session.run([OUTPUTS[1]], dict(zip(INPUTS, part, strict=True)))[0] for part in parts]
        embeddings: Embeddings = np.concatenate(found)[numbers]
        return embeddings
