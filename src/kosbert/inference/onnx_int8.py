"""A graph of ONNX with int8 weights, of ONNX's own operators alone, so that every engine computes it alike.

ONNX Runtime's `quantize_dynamic` rounds what a layer reads on one scale for the whole batch. A few large numbers,
which models such as E5 have, take the others' digits (lowest cosine 0.966 with `nli_sts`), and a text's embedding
depends on those beside it. So each token has a scale of its own here (0.983), as OpenVINO has it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 127
# Both factors of a product are 0 to 255 around this. With signed weights, processors without instructions for int8
# (VNNI) would add up two products in 16 bits, which do not hold them.
ZERO = 128


def to_int8(graph: Any) -> Any:  # noqa: ANN401 - a type of the extra
    """Return a copy of a graph of ONNX whose matrices, and tables of embeddings, are rounded to 255 steps."""
    from onnx import ModelProto, numpy_helper  # noqa: PLC0415 - an extra

    model = ModelProto()
    model.CopyFrom(graph)
    weights = {one.name: one for one in model.graph.initializer}
    rewriter = _Rewriter()
    for node in graph.graph.node:
        names = [name for name in node.input if name in weights and len(weights[name].dims) == 2]  # noqa: PLR2004
        values = {name: numpy_helper.to_array(weights[name]) for name in names}
        if node.op_type == "MatMul" and node.input[1] in values:
            rewriter.multiply(node, values[node.input[1]])
        elif node.op_type == "Gather" and node.input[0] in values and not any(one.i for one in node.attribute):
            rewriter.look_up(node, values[node.input[0]])
        else:
            rewriter.nodes.append(node)
    used = {name for node in rewriter.nodes for name in node.input}
    kept = [one for one in graph.graph.initializer if one.name in used]
    for field, content in (("node", rewriter.nodes), ("initializer", [*kept, *rewriter.constants()])):
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(content)
    model.graph.ClearField("value_info")
    return model


class _Rewriter:
    """The nodes of the new graph, and its new constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._rounded: set[str] = set()

    def constants(self) -> Iterator[Any]:
        from onnx import numpy_helper  # noqa: PLC0415 - an extra

        for name, value in self._constants.items():
            yield numpy_helper.from_array(value, name)

    def multiply(self, node: Any, weights: NDArray[np.float32]) -> None:  # noqa: ANN401
        """Multiply with a matrix [inputs, outputs] that has a scale for each output."""
        rows, matrix, out = node.input[0], node.input[1], node.output[0]
        self._round_tokens(rows)
        scale = _scale(weights, axis=0)
        rounded = self._constant(f"{matrix}_int8", (np.round(weights / scale) + ZERO).astype(np.uint8))
        zero = self._constant("int8_zero", np.array(ZERO, np.uint8))
        self._add("MatMulInteger", [f"{rows}_int8", rounded, zero, zero], f"{out}_int32")
        self._add("Cast", [f"{out}_int32"], f"{out}_steps", to=1)  # fp32
        self._add("Mul", [f"{out}_steps", f"{rows}_scale"], f"{out}_scaled")
        self._add("Mul", [f"{out}_scaled", self._constant(f"{matrix}_scale", scale[0])], out)

    def look_up(self, node: Any, table: NDArray[np.float32]) -> None:  # noqa: ANN401
        """Look up rows of a table, each of which has a scale."""
        name, ids, out = node.input[0], node.input[1], node.output[0]
        scale = _scale(table, axis=1)
        self._add(
            "Gather", [self._constant(f"{name}_int8", np.round(table / scale).astype(np.int8)), ids], f"{out}_int8"
        )
        self._add("Cast", [f"{out}_int8"], f"{out}_steps", to=1)
        self._add("Gather", [self._constant(f"{name}_scale", scale), ids], f"{out}_scale")
        self._add("Mul", [f"{out}_steps", f"{out}_scale"], out)

    def _round_tokens(self, rows: str) -> None:
        """Round what a layer reads, on a scale for each token; several layers may read it."""
        if rows in self._rounded:
            return
        self._rounded.add(rows)
        last = self._constant("int8_last_axis", np.array([-1], np.int64))
        self._add("Abs", [rows], f"{rows}_abs")
        self._add("ReduceMax", [f"{rows}_abs", last], f"{rows}_max", keepdims=1)
        self._add("Mul", [f"{rows}_max", self._constant("int8_step", np.float32(1 / STEPS))], f"{rows}_step")
        self._add("Max", [f"{rows}_step", self._constant("int8_least", _LEAST)], f"{rows}_scale")
        self._add("Div", [rows, f"{rows}_scale"], f"{rows}_steps")
        self._add("Round", [f"{rows}_steps"], f"{rows}_whole")
        self._add("Add", [f"{rows}_whole", self._constant("int8_shift", np.float32(ZERO))], f"{rows}_shifted")
        self._add("Cast", [f"{rows}_shifted"], f"{rows}_int8", to=2)  # uint8

    def _constant(self, name: str, value: Any) -> str:  # noqa: ANN401 - numpy's arrays and numbers
        self._constants.setdefault(name, np.asarray(value))
        return name

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:  # noqa: ANN401
        from onnx import helper  # noqa: PLC0415 - an extra

        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))


_LEAST = np.finfo(np.float32).tiny


def _scale(weights: NDArray[np.float32], *, axis: int) -> NDArray[np.float32]:
    scale: NDArray[np.float32] = np.maximum(np.abs(weights).max(axis=axis, keepdims=True) / STEPS, _LEAST)
    return scale.astype(np.float32)
