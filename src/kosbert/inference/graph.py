"""A graph of OpenVINO on a CPU: rows of token ids in, embeddings out. It needs no torch."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosbert.encoder.batches import Embeddings, batches
from kosbert.errors import KosbertError

TOKENS = 400  # of a batch: each core works on one, and its caches are small


def openvino_library() -> Any:  # noqa: ANN401 - a module without types
    """Return the module `openvino`.

    Raises:
        KosbertError: OpenVINO is not installed.
    """
    # It sends word of its use to its makers, unless this module cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino  # noqa: PLC0415 - an extra
    except ImportError:
        raise KosbertError("encoding in int8 or with an export needs OpenVINO: pip install 'kosbert[int8]'") from None
    return openvino


def usable_cores() -> int:
    """Return how many cores to use: what OMP_NUM_THREADS says, or else all that this process may have."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    # macOS does not tell which cores a process may have.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Graph:
    """A compiled graph. One thread at a time may use it; `BaseEncoder.encode` sees to that."""

    def __init__(self, graph: Any, dimensions: int) -> None:  # noqa: ANN401 - a type of the extra
        """Compile a graph.

        Args:
            graph: OpenVINO's graph, which takes token ids and attention mask, both [texts, tokens].
            dimensions: how many numbers an embedding has.
        """
        openvino, cores = openvino_library(), usable_cores()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not int8
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "384",  # inputs of a token that are rounded on one scale
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": cores,
        }
        self._dimensions = dimensions
        self._queue = openvino.AsyncInferQueue(openvino.compile_model(graph, "CPU", options), cores)
        self._queue.set_callback(_copy_result)

    def embed(self, rows: Sequence[Sequence[int]]) -> Embeddings:
        """Return the embeddings [rows, dimensions] of at least one row of token ids, in the order given."""
        parts, numbers = batches([tuple(row) for row in rows], TOKENS)
        found = [np.empty((len(part), self._dimensions), np.float32) for part in parts]
        for part, embeddings in zip(parts, found, strict=True):
            tokens = np.zeros((len(part), len(part[0])), np.int64)
            mask = np.zeros_like(tokens)
            for number, ids in enumerate(part):
                tokens[number, : len(ids)] = ids
                mask[number, : len(ids)] = 1
            self._queue.start_async([tokens, mask], embeddings)
        self._queue.wait_all()
        return np.concatenate(found)[numbers]


def _copy_result(request: Any, embeddings: NDArray[np.float32]) -> None:  # noqa: ANN401
    embeddings[:] = request.get_output_tensor(0).data
