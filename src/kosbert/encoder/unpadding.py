"""Encoding without padding on a CPU: the tokens of a batch stand one after another, and only attention sees sentences.

A batch of sentences of different length is mostly padding, which costs as much as text. Here every layer but attention
works on the tokens alone. Attention is plain matrix products on a padded copy, for on a CPU the backward pass of
PyTorch's fused attention is several times slower in bf16. The results are those of the padded batch, but for rounding.
The method is that of Zeng et al. 2022, "Boosting Distributed Training Performance of the Unpadded BERT Model".
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from kosbert.encoder.positions import first_position

ATTENTION = "kosbert_unpadded"  # the name under which transformers knows our attention
# Encoders in which nothing but attention looks at other tokens, and attention looks at all of them.
UNPADDABLE = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})
GROUP = 32  # sentences that attention pads together


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch stand in attention: in groups of sentences of like length, each padded by itself.

    Rows are counted a head at a time: row `token * heads + head` without padding; with padding, group after group, row
    `(sentence * heads + head) * longest + position` of its group.

    Attributes:
        padded: the padded row of each unpadded row [tokens * heads].
        unpadded: the unpadded row of each padded row [padded rows]; 0 where there is padding.
        biases: for each group, what is added to its scores [sentences * heads, 1, longest]: 0, or -1e9 at padding.
    """

    padded: Tensor
    unpadded: Tensor
    biases: list[Tensor]


def lay_out(attention_mask: Tensor, heads: int) -> tuple[Tensor, Layout]:
    """Lay out a padded batch.

    Args:
        attention_mask: 1 at tokens and 0 at padding [sentences, longest].
        heads: the number of attention heads.

    Returns:
        The index of each token in the flattened padded batch [tokens], and the layout.
    """
    tokens = attention_mask.flatten().nonzero().squeeze(1)
    sentence, position = tokens // attention_mask.shape[1], tokens % attention_mask.shape[1]
    lengths = attention_mask.sum(dim=1)
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
    padded = (first[sentence, None] + torch.arange(heads) * stride[sentence, None] + position[:, None]).flatten()
    unpadded = torch.zeros(rows, dtype=torch.long)
    unpadded[padded] = torch.arange(len(padded))
    return tokens, Layout(padded, unpadded, biases)


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


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,  # noqa: ARG001
    *,
    layout: Layout,
    scaling: float,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, None]:
    """Attend within each sentence of an unpadded batch.

    Args:
        module: the attention layer.
        query: the queries [1, heads, tokens, size of a head].
        key: the keys, of the same shape.
        value: the values, of the same shape.
        attention_mask: always None; the layout says where the sentences are.
        layout: the layout of the batch.
        scaling: the factor of the scores.
        dropout: the share of the attention weights that are dropped in training.

    Returns:
        [1, tokens, heads, size of a head], and no weights.
    """
    _, heads, tokens, size = query.shape
    # The scores stay in the precision of the products; autocast would copy them to fp32 and back.
    with torch.autocast(query.device.type, enabled=False):
        rows = [bias.shape[0] * bias.shape[2] for bias in layout.biases]
        groups = zip(
            layout.biases,
            *(
                _Pad.apply(part[0].transpose(0, 1).reshape(-1, size), layout).split(rows)
                for part in (query, key, value)
            ),
            strict=True,
        )
        attended = torch.cat([_attend(*group, scaling=scaling, dropout=dropout * module.training) for group in groups])
    return _Unpad.apply(attended, layout).view(1, tokens, heads, size), None


def _attend(bias: Tensor, query: Tensor, key: Tensor, value: Tensor, *, scaling: float, dropout: float) -> Tensor:
    query, key, value = (part.view(len(bias), -1, part.shape[1]) for part in (query, key, value))
    scores = torch.baddbmm(bias.to(query.dtype), query, key.transpose(1, 2), alpha=scaling)
    weights = functional.dropout(scores.softmax(-1), dropout)
    return weights.bmm(value).flatten(0, 1)


AttentionInterface.register(ATTENTION, attention)
AttentionMaskInterface.register(ATTENTION, lambda *_, **__: None)


@contextmanager
def unpadding(model: SentenceTransformer) -> Iterator[None]:
    """Let a model work without padding in the block, if it is on a CPU and of a kind that can; else leave it alone."""
    transformer = model[0]
    if not can_unpad(model) or _attention_of(transformer) == ATTENTION:  # it does already
        yield
        return
    inner, before = transformer.model, _attention_of(transformer)
    named = transformer.model_forward_params
    with ExitStack() as undo:
        undo.callback(setattr, transformer, "model_forward_params", named)
        undo.callback(inner.set_attn_implementation, before)
        inner.set_attn_implementation(ATTENTION)
        if named is not None:
            transformer.model_forward_params = {*named, "layout", "position_ids"}
        hooks = (
            transformer.register_forward_pre_hook(_remove_padding),
            transformer.register_forward_hook(_in_full_precision),
            inner.embeddings.register_forward_hook(_in_working_precision),
        )
        for hook in hooks:
            undo.callback(hook.remove)
        yield


def can_unpad(model: SentenceTransformer) -> bool:
    """Return whether a model is on a CPU, and of a kind that can work without padding."""
    on_cpu = model.device.type == "cpu"
    return on_cpu and isinstance(model[0], Transformer) and model[0].model.config.model_type in UNPADDABLE


def _attention_of(transformer: Transformer) -> str:
    return str(transformer.model.config._attn_implementation)  # noqa: SLF001 - there is no public name


def _remove_padding(transformer: Transformer, arguments: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    features = dict(arguments[0])
    mask = features.pop("attention_mask")
    tokens, layout = lay_out(mask, transformer.model.config.num_attention_heads)
    for name in ("input_ids", "token_type_ids"):
        if name in features:
            features[name] = features[name].flatten()[tokens].unsqueeze(0)
    lengths = mask.sum(dim=1)
    features["position_ids"] = (tokens % mask.shape[1] + first_position(transformer.model)).unsqueeze(0)
    features["layout"] = layout
    # The names under which the library's pooling takes batches without padding.
    features["cu_seq_lens_q"] = functional.pad(lengths.cumsum(0), (1, 0))
    features["seq_idx"] = (tokens // mask.shape[1]).unsqueeze(0)
    return (features, *arguments[1:])


def _in_full_precision(_: nn.Module, __: object, features: dict[str, Any]) -> dict[str, Any]:
    # Means and similarities are taken in fp32.
    return {**features, "token_embeddings": features["token_embeddings"].float()}


def _in_working_precision(_: nn.Module, __: object, embedded: Tensor) -> Tensor:
    # What layers add to is as precise as what they add; under autocast it would be fp32, and copied for each product.
    return embedded.to(torch.get_autocast_dtype("cpu")) if torch.is_autocast_enabled("cpu") else embedded
