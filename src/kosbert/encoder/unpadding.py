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

from kosbert.encoder.model import first_position

PACKED = "kosbert_packed"  # the name under which transformers knows our attention
# Encoders in which nothing but attention looks at other tokens, and attention looks at all of them.
UNPADDABLE = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})
GROUP = 32  # sentences that attention pads together


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch stand in attention: in groups of sentences of like length, each padded by itself.

    Rows are counted a head at a time: row `token * heads + head` of the packed order; in the padded one, group after
    group, row `(sentence * heads + head) * longest + place` of its group.
    """

    padded: Tensor  # [tokens * heads] the padded row of each packed row
    packed: Tensor  # [padded rows] the packed row of each padded row; 0 where there is padding
    biases: list[Tensor]  # a group's [sentences * heads, 1, longest], added to the scores: 0, or -1e9 at padding


def lay_out(attention_mask: Tensor, heads: int) -> tuple[Tensor, Layout]:
    """Lay out a padded batch.

    Args:
        attention_mask: [sentences, longest], 1 at tokens and 0 at padding.
        heads: of attention.

    Returns:
        The place of each token in the padded batch [tokens], and the layout.
    """
    places = attention_mask.flatten().nonzero().squeeze(1)
    sentence, place = places // attention_mask.shape[1], places % attention_mask.shape[1]
    lengths = attention_mask.sum(dim=1)
    first = torch.empty_like(lengths)  # of each sentence: its first padded row
    stride = torch.empty_like(lengths)  # and the length of its group
    rows, biases = 0, []
    for group in lengths.argsort().split(GROUP):
        longest = int(lengths[group[-1]])
        first[group] = rows + torch.arange(len(group)) * heads * longest
        stride[group] = longest
        rows += len(group) * heads * longest
        padding = torch.arange(longest) >= lengths[group, None]
        bias = torch.zeros(padding.shape).masked_fill(padding, -1e9)
        biases.append(bias.repeat_interleave(heads, dim=0).unsqueeze(1))
    padded = (first[sentence, None] + torch.arange(heads) * stride[sentence, None] + place[:, None]).flatten()
    packed = torch.zeros(rows, dtype=torch.long)
    packed[padded] = torch.arange(len(padded))
    return places, Layout(padded, packed, biases)


class _Pad(torch.autograd.Function):
    """Packed rows to padded rows. At padding stands any row: as a key it has no weight, as a query it is dropped."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401 - torch's context
        ctx.layout = layout
        return rows.index_select(0, layout.packed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradients[0].index_select(0, ctx.layout.padded), None


class _Unpad(torch.autograd.Function):
    """Padded rows to packed rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Layout) -> Tensor:  # noqa: ANN401
        ctx.layout = layout
        return rows.index_select(0, layout.padded)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        layout = ctx.layout
        padded = gradients[0].new_zeros(len(layout.packed), gradients[0].shape[1])
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
    """Attend within each sentence of a packed batch.

    Args:
        module: the attention layer.
        query: [1, heads, tokens, size of a head]; so are `key` and `value`.
        key: see `query`.
        value: see `query`.
        attention_mask: none; the layout says it.
        layout: of the batch.
        scaling: of the scores.
        dropout: the share of weights that are dropped in training.

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


AttentionInterface.register(PACKED, attention)
AttentionMaskInterface.register(PACKED, lambda *_, **__: None)


@contextmanager
def unpadding(encoder: SentenceTransformer) -> Iterator[None]:
    """Let an encoder work without padding, on a CPU, if it is of a kind that can; else leave it as it is."""
    transformer = encoder[0]
    if not can_unpad(encoder) or _attention_of(transformer) == PACKED:  # nothing to do twice
        yield
        return
    model, before = transformer.model, _attention_of(transformer)
    named = transformer.model_forward_params
    with ExitStack() as undo:
        undo.callback(setattr, transformer, "model_forward_params", named)
        undo.callback(model.set_attn_implementation, before)
        model.set_attn_implementation(PACKED)
        if named is not None:
            transformer.model_forward_params = {*named, "layout", "position_ids"}
        hooks = (
            transformer.register_forward_pre_hook(_pack),
            transformer.register_forward_hook(_in_full_precision),
            model.embeddings.register_forward_hook(_in_working_precision),
        )
        for hook in hooks:
            undo.callback(hook.remove)
        yield


def can_unpad(encoder: SentenceTransformer) -> bool:
    """Return whether an encoder is on a CPU, and of a kind that can work without padding."""
    on_cpu = encoder.device.type == "cpu"
    return on_cpu and isinstance(encoder[0], Transformer) and encoder[0].model.config.model_type in UNPADDABLE


def _attention_of(transformer: Transformer) -> str:
    return str(transformer.model.config._attn_implementation)  # noqa: SLF001 - there is no public name


def _pack(transformer: Transformer, arguments: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    features = dict(arguments[0])
    mask = features.pop("attention_mask")
    places, layout = lay_out(mask, transformer.model.config.num_attention_heads)
    for name in ("input_ids", "token_type_ids"):
        if name in features:
            features[name] = features[name].flatten()[places].unsqueeze(0)
    lengths = mask.sum(dim=1)
    features["position_ids"] = (places % mask.shape[1] + first_position(transformer.model)).unsqueeze(0)
    features["layout"] = layout
    # The names under which the library's pooling takes packed batches.
    features["cu_seq_lens_q"] = functional.pad(lengths.cumsum(0), (1, 0))
    features["seq_idx"] = (places // mask.shape[1]).unsqueeze(0)
    return (features, *arguments[1:])


def _in_full_precision(_: nn.Module, __: object, features: dict[str, Any]) -> dict[str, Any]:
    # Means and similarities are taken in fp32.
    return {**features, "token_embeddings": features["token_embeddings"].float()}


def _in_working_precision(_: nn.Module, __: object, embedded: Tensor) -> Tensor:
    # What layers add to is as precise as what they add; under autocast it would be fp32, and copied for each product.
    return embedded.to(torch.get_autocast_dtype("cpu")) if torch.is_autocast_enabled("cpu") else embedded
