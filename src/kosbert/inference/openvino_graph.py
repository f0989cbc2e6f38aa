"""A graph of OpenVINO on a CPU."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosbert.encoder.batches import Embeddings
from kosbert.errors import needs_extra
from kosbert.inference.graph import OUTPUTS, padded_batches, usable_cores


def openvino_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the module `openvino`.

    Raises:
        KosbertError: OpenVINO is not installed.
    """
    # It sends word of its use to its makers, unless this module cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    with needs_extra("openvino", "int8, or a model exported to OpenVINO,"):
        import openvino  # noqa: PLC0415 - an extra
    return openvino


class OpenVINOGraph:
    """A compiled graph; see `Graph`."""

    def __init__(self, graph: Any, dimensions: int) -> None:  # noqa: ANN401 - a type of the extra
        """Compile a graph.

        Args:
            graph: OpenVINO's graph, which has our inputs and outputs, or the file of one.
            dimensions: how many numbers an embedding has.
        """
        openvino, cores = openvino_library(), usable_cores()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not int8
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "384",  # inputs of a token that are rounded on one scale
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": cores,
        }
        if isinstance(graph, Path):
            graph = openvino.Core().read_model(graph)
        embedding = next(output for output in graph.outputs if OUTPUTS[1] in output.names)
        only_embedding = openvino.Model([embedding.node], graph.get_parameters())
        self._dimensions = dimensions
        self._queue = openvino.AsyncInferQueue(openvino.compile_model(only_embedding, "CPU", options), cores)
        self._queue.set_callback(_copy_result)

    def embed(self, rows: Sequence[Sequence[int]]) -> Embeddings:
        """Return the embeddings [rows, dimensions] of at least one row of token ids, in the order given."""
        parts, numbers = padded_batches(rows)
        found = [np.empty((len(tokens), self._dimensions), np.float32) for tokens, _ in parts]
        for part, embeddings in zip(parts, found, strict=True):
            self._queue.start_async([*part], embeddings)
        self._queue.wait_all()
        return np.concatenate(found)[numbers]


def _copy_result(request: Any, embeddings: NDArray[np.float32]) -> None:  # noqa: ANN401
    embeddings[:] = request.get_output_tensor(0).data
