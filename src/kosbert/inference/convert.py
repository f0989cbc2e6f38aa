"""A sentence-transformers model as a graph of OpenVINO, in fp32 or with int8 weights."""

import copy
import warnings
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from kosbert.encoder.model import prompt_of
from kosbert.errors import KosbertError, one_line
from kosbert.inference.graph import openvino_library


def convert(model: SentenceTransformer, *, int8: bool) -> Any:  # noqa: ANN401 - a type of the extra
    """Return the graph of OpenVINO from token ids and attention mask to embeddings, in fp32 or with int8 weights.

    Raises:
        KosbertError: OpenVINO is not installed, or cannot do what the model does.
    """
    openvino = openvino_library()
    if prompt_of(model) and any(not getattr(module, "include_prompt", True) for module in model):
        raise KosbertError("its pooling leaves out the prompt, which OpenVINO's graph would not")
    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    with torch.no_grad(), warnings.catch_warnings():
        # The warnings are of branches on shapes, which are traced once; the graph takes any shape all the same.
        warnings.simplefilter("ignore")
        try:
            return openvino.convert_model(_Embedding(model, int8=int8), example_input=example)
        except Exception as error:  # whatever tracing a model of somebody's can raise
            raise KosbertError(f"OpenVINO cannot convert it: {one_line(error, 300)}") from error


class _Embedding(nn.Module):
    """A whole model, from token ids to embeddings."""

    def __init__(self, model: SentenceTransformer, *, int8: bool) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu().float().eval()
        for parent in [*self.model.modules()] if int8 else []:
            for name, child in [*parent.named_children()]:
                if isinstance(child, nn.Linear):
                    setattr(parent, name, _Int8Linear(child))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        embeddings: Tensor = self.model({"input_ids": input_ids, "attention_mask": attention_mask})[
            "sentence_embedding"
        ]
        return embeddings


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
