"""Prepacked weights: in bf16 and in oneDNN's own layout, as a CPU multiplies them fastest.

Prepacking costs about as much as one batch, and the weights may not change after it, so this is for encoding, not for
training. GELU is computed within the product before it. PyTorch's compiler does the same ("freezing"), but takes up to
a minute to start.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers.activations import GELUActivation

from kosbert.encoder.unpadding import can_unpad

_OPS = torch.ops.mkldnn  # not public, but what PyTorch's own compiler relies on
ROWS = 1024  # the number of tokens in a batch for which the layout is best


def can_prepack(model: SentenceTransformer) -> bool:
    """Return whether a model can be prepacked here: it can work without padding, and the processor knows bf16."""
    offered = hasattr(_OPS, "_linear_pointwise") and hasattr(_OPS, "_reorder_linear_weight")
    return can_unpad(model) and offered and bool(_OPS._is_mkldnn_bf16_supported())  # noqa: SLF001


@contextmanager
def prepacking(model: SentenceTransformer) -> Iterator[None]:
    """Let a model that `can_prepack` compute in bf16 with prepacked weights in the block; there are no gradients."""
    inner = model[0].model
    with ExitStack() as undo:

        def replace(parent: nn.Module, name: str, child: nn.Module) -> None:
            undo.callback(setattr, parent, name, getattr(parent, name))
            setattr(parent, name, child)

        for parent in [*inner.modules()]:
            activated = isinstance(getattr(parent, "intermediate_act_fn", None), GELUActivation)
            for name, child in [*parent.named_children()]:
                if isinstance(child, nn.Linear):
                    replace(parent, name, _PrepackedLinear(child, gelu=activated))
            if activated:
                replace(parent, "intermediate_act_fn", nn.Identity())
        undo.callback(inner.embeddings.register_forward_hook(_in_bf16).remove)
        yield


class _PrepackedLinear(nn.Module):
    """A linear layer, followed by an exact GELU or by nothing."""

    def __init__(self, linear: nn.Linear, *, gelu: bool) -> None:
        super().__init__()
        self._weight = _OPS._reorder_linear_weight(linear.weight.detach().bfloat16(), ROWS)  # noqa: SLF001
        self._bias = None if linear.bias is None else linear.bias.detach().bfloat16()
        self._activation, self._algorithm = ("gelu", "none") if gelu else ("none", "")

    def forward(self, rows: Tensor) -> Tensor:
        product: Tensor = _OPS._linear_pointwise(  # noqa: SLF001
            rows, self._weight, self._bias, self._activation, [], self._algorithm
        )
        return product


def _in_bf16(_: nn.Module, __: object, embedded: Tensor) -> Tensor:
    return embedded.bfloat16()
