"""Attention over sentences without padding: their tokens stand one after another, and only attention sees sentences.

A batch of sentences of different length is mostly padding, which costs as much as text. Here every layer but attention
works on the tokens alone. Attention is plain matrix products on a padded copy, for on a CPU the backward pass of
PyTorch's fused attention is several times slower in bf16. The results are those of the padded batch, but for rounding.
The method is that of Zeng et al. 2022, "Boosting Distributed Training Performance of the Unpadded BERT Model".
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

GROUP = 32  # sentences that attention pads together


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch stand in attention: in groups of sentences of like length, each padded by itself.

    Rows are counted a head at a time: row `token * heads + head` without padding; with padding, group after group, row
    `(sentence * heads + head) * longest + position` of its group.

    Attributes:
        positions: the position of each token in its sentence [tokens].
        padded: the padded row of each unpadded row [tokens * heads].
        unpadded: the unpadded row of each padded row [padded rows]; 0 where there is padding.
        biases: for each group, what is added to its scores [sentences * heads, 1, longest]: 0, or -1e9 at padding.
    """

    positions: Tensor
    padded: Tensor
    unpadded: Tensor
    biases: list[Tensor]


def lay_out(lengths: Tensor, heads: int) -> Layout:
    """Lay out a batch.

    Args:
        lengths: the number of tokens of each sentence, at least 1 [sentences].
        heads: the number of attention heads.
    """
    starts = lengths.cumsum(0) - lengths
    positions = torch.arange(int(lengths.sum())) - starts.repeat_interleave(lengths)
    first = torch.empty_like(lengths)  # the first padded row of each sentence
    stride = torch.empty_like(lengths)  # the length of the longest sentence in its group
    rows, biases = 0, []
    for group in lengths.argsort().split(GROUP):
        longest = int(lengths[group[-1]])
        first[group] = rows + torch.arange(len(group)) * heads * longest
        stride[group] = longest
        rows += len(group) * heads * longest
        padding = torch.arange(longest) >= lengths[group, None]
        bias = torch.zeros(padding.shape).masked_fill(padding, -1e9)
        biases.append(bias.repeat_interleave(heads, dim=0).unsqueeze(1))
    first, stride = (each.repeat_interleave(lengths) for each in (first, stride))
    padded = (first[:, None] + torch.arange(heads) * stride[:, None] + positions[:, None]).flatten()
    unpadded = torch.zeros(rows, dtype=torch.long)
    unpadded[padded] = torch.arange(len(padded))
    return Layout(positions, padded, unpadded, biases)


def attend(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, *, scaling: float, dropout: float = 0.0
) -> Tensor:
    """Attend within each sentence.

    Args:
        query: the queries [tokens * heads, size of a head].
        key: the keys, of the same shape.
        value: the values, of the same shape.
        layout: the layout of the batch.
        scaling: the factor of the scores.
        dropout: the share of the attention weights that are dropped.

    Returns:
        What each token attends to, of the same shape.
    """
    rows = [bias.shape[0] * bias.shape[2] for bias in layout.biases]
    parts = (_Pad.apply(part, layout).split(rows) for part in (query, key, value))
    groups = zip(layout.biases, *parts, strict=True)
    attended = torch.cat([_attend(*group, scaling=scaling, dropout=dropout) for group in groups])
    unpadded: Tensor = _Unpad.apply(attended, layout)
    return unpadded


class _Pad(torch.autograd.Function):
    """Unpadded rows to padded rows. At padding stands any row: as a key it has no weight, as a query it is dropped."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401 - torch's context
        ctx.layout = layout
        return rows.index_select(0, layout.unpadded)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradients[0].index_select(0, ctx.layout.padded), None


class _Unpad(torch.autograd.Function):
    """Padded rows to unpadded rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401
        ctx.layout = layout
        return rows.index_select(0, layout.padded)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        layout = ctx.layout
        padded = gradients[0].new_zeros(len(layout.unpadded), gradients[0].shape[1])
        return padded.index_copy_(0, layout.padded, gradients[0]), None


def _attend(bias: Tensor, query: Tensor, key: Tensor, value: Tensor, *, scaling: float, dropout: float) -> Tensor:
    query, key, value = (part.view(len(bias), -1, part.shape[1]) for part in (query, key, value))
    scores = torch.baddbmm(bias.to(query.dtype), query, key.transpose(1, 2), alpha=scaling)
    # In fp32, for over rows whose length is no multiple of 32, PyTorch's softmax in bf16 takes several times as long.
    weights = functional.dropout(scores.softmax(-1, dtype=torch.float32).to(value.dtype), dropout)
    return weights.bmm(value).flatten(0, 1)
