"""Training without padding on a CPU: transformers' own layers work on the tokens of a batch one after another.

Only attention sees sentences: it is a function of ours that transformers calls by its name, see `unpadded`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from kosbert.encoder.positions import first_position
from kosbert.encoder.unpadded import Layout, attend, lay_out

ATTENTION = "kosbert_unpadded"  # the name under which transformers knows our attention
# Encoders in which nothing but attention looks at other tokens, and attention looks at all of them.
UNPADDABLE = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})


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
    query, key, value = (part[0].transpose(0, 1).reshape(-1, size) for part in (query, key, value))
    # The scores stay in the precision of the products; autocast would copy them to fp32 and back.
    with torch.autocast(query.device.type, enabled=False):
        attended = attend(query, key, value, layout, scaling=scaling, dropout=dropout * module.training)
    return attended.view(1, tokens, heads, size), None


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
    tokens, lengths = mask.flatten().nonzero().squeeze(1), mask.sum(dim=1)
    layout = lay_out(lengths, transformer.model.config.num_attention_heads)
    for name in ("input_ids", "token_type_ids"):
        if name in features:
            features[name] = features[name].flatten()[tokens].unsqueeze(0)
    features["position_ids"] = (layout.positions + first_position(transformer.model)).unsqueeze(0)
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
