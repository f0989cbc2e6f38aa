"""A sentence-transformers model as a graph of OpenVINO, in fp32 or with int8 weights."""

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from kosbert.errors import KosbertError, one_line
from kosbert.inference.convert import Convertible, converting, example
from kosbert.inference.graph import OUTPUTS
from kosbert.inference.openvino_graph import openvino_library


def to_openvino(model: SentenceTransformer, *, int8: bool) -> Any:  # noqa: ANN401 - a type of the extra
    """Return the graph of OpenVINO from token ids and attention mask to embeddings, in fp32 or with int8 weights.

    Raises:
        KosbertError: OpenVINO is not installed, or cannot do what the model does.
    """
    openvino = openvino_library()
    module = Convertible(model)
    for parent in [*module.modules()] if int8 else []:
        for name, child in [*parent.named_children()]:
            if isinstance(child, nn.Linear):
                setattr(parent, name, _Int8Linear(child))
    with converting("OpenVINO"):
        graph = openvino.convert_model(module, example_input=example())
    for output, name in zip(graph.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return graph


def save_openvino(graph: Any, file: Path) -> None:  # noqa: ANN401 - a type of the extra
    """Save a graph, and its weights beside it.

    Raises:
        KosbertError: it cannot be written.
    """
    try:
        openvino_library().save_model(graph, file, compress_to_fp16=False)
    except RuntimeError as error:  # it does not say why
        raise KosbertError(
            f"{file.name}: the weights could not be written ({one_line(error, 120)}); is the disk full?"
        ) from error


class _Int8Linear(nn.Module):
    """A linear layer written so that OpenVINO finds int8 weights with a scale for each output."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny) / 127
        self.register_buffer("weight", (weight / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.weight.to(torch.float32) * self.scale, self.bias)
