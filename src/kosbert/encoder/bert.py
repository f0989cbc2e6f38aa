"""BERT and its kin on a CPU, in plain torch: rows of token ids in, embeddings out.

There is no padding, see `unpadded`, and transformers, which takes seconds to import, is not needed. In bf16 weights are
in oneDNN's own layout, as a CPU multiplies them fastest, and GELU is computed within the product before it. PyTorch's
compiler does the same ("freezing"), but takes up to a minute to start. The layout costs about as much as one batch, and
the weights may not change after it, so this is for encoding, not for training.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kosbert.encoder.batches import Embeddings, batches
from kosbert.encoder.unpadded import Layout, attend, lay_out

# The kinds of which all is known here; whether positions are counted from after the pad token's id, or from 0.
KINDS = {"bert": False, "electra": False, "roberta": True, "xlm-roberta": True, "camembert": True}
SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings"),
    *("vocab_size", "type_vocab_size"),
)
POOLINGS = ("mean", "cls")
POOLER = {"pooler.dense.weight", "pooler.dense.bias"}  # weights that a model may have beside those used here
TOKENS = 1000  # of a batch: a CPU works from its caches, which are small
ROWS = 1024  # the number of tokens in a batch for which the layout is best
_OPS = torch.ops.mkldnn  # not public, but what PyTorch's own compiler relies on

Config = Mapping[str, Any]  # as config.json has it
Weights = Mapping[str, Tensor]  # by their names in transformers' model
Shapes = dict[str, tuple[int, ...]]
Layer = Callable[[Tensor], Tensor]


def can_compute(config: Config, weights: Weights) -> bool:
    """Return whether a model is one that `Bert` computes exactly: of a kind, with settings and weights all known."""
    if config.get("model_type") not in KINDS or any(type(config.get(key)) is not int for key in SIZES):
        return False
    right = (
        config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type") in (None, "absolute")
        and not (config.get("is_decoder") or config.get("add_cross_attention"))
        and isinstance(config.get("layer_norm_eps"), float)
        and min(config[key] for key in SIZES) > 0
        and config["num_hidden_layers"] < len(weights)
        and config["hidden_size"] % config["num_attention_heads"] == 0
        and (not KINDS[config["model_type"]] or _is_position(config.get("pad_token_id")))
        and (config["model_type"] != "electra" or type(config.get("embedding_size")) is int)
    )
    return right and _shapes(config) == {
        name: tuple(values.shape)
        for name, values in weights.items()
        if name not in POOLER and values.dtype == torch.float32 and values.device.type == "cpu"
    }


def position_offset(config: Config) -> int:
    """Return the position of a sentence's first token."""
    return int(config["pad_token_id"]) + 1 if KINDS[config["model_type"]] else 0


def _is_position(number: object) -> bool:
    return isinstance(number, int) and number >= 0


def _shapes(config: Config) -> Shapes:
    """Return the shapes of all weights by their names."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    width = config["embedding_size"] if config["model_type"] == "electra" else hidden
    rows = {"word": "vocab_size", "position": "max_position_embeddings", "token_type": "type_vocab_size"}
    found: Shapes = {f"embeddings.{name}_embeddings.weight": (config[size], width) for name, size in rows.items()}
    linear = {} if width == hidden else {"embeddings_project": (hidden, width)}
    norms = {"embeddings.LayerNorm": width}
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        linear |= {f"{layer}.attention.self.{name}": (hidden, hidden) for name in ("query", "key", "value")}
        linear |= {f"{layer}.attention.output.dense": (hidden, hidden)}
        linear |= {f"{layer}.intermediate.dense": (inner, hidden), f"{layer}.output.dense": (hidden, inner)}
        norms |= {f"{layer}.attention.output.LayerNorm": hidden, f"{layer}.output.LayerNorm": hidden}
    for name, shape in linear.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name, size in norms.items():
        found |= {f"{name}.weight": (size,), f"{name}.bias": (size,)}
    return found


class Bert:
    """A sentence encoder of which `can_compute` holds, in fp32 or bf16; pooling is always in fp32."""

    def __init__(self, config: Config, weights: Weights, *, bf16: bool, normalize: bool, pooling: str = "mean") -> None:
        """Take a model.

        Args:
            config: its transformer's config.
            weights: its transformer's weights, which may not change from now on.
            bf16: whether to multiply in bf16.
            normalize: whether embeddings are scaled to length 1.
            pooling: one of `POOLINGS`: the embedding is the mean of the tokens' own, or the first one (`cls`).
        """
        self._weights, self._bf16, self._normalize, self._pooling = weights, bf16, normalize, pooling
        self._heads, self._first = config["num_attention_heads"], position_offset(config)
        self._size, self._eps = config["hidden_size"] // self._heads, config["layer_norm_eps"]
        # A text alone has the first token type everywhere.
        self._words = weights["embeddings.word_embeddings.weight"]
        self._types = weights["embeddings.token_type_embeddings.weight"][0]
        project = "embeddings_project" if "embeddings_project.weight" in weights else None
        self._project = self._linear(project) if project else None
        names = [f"encoder.layer.{number}" for number in range(config["num_hidden_layers"])]
        self._layers = [self._layer(name) for name in names]

    def embed(self, rows: Sequence[Sequence[int]]) -> Embeddings:
        """Return the embeddings [rows, dimensions] of at least one row of token ids, in the order given."""
        parts, numbers = batches([tuple(row) for row in rows], TOKENS)
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            return np.concatenate([self._embed(part).numpy() for part in parts])[numbers]

    def _embed(self, rows: list[tuple[int, ...]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in rows])
        layout = lay_out(lengths, self._heads)
        words = functional.embedding(torch.tensor([token for row in rows for token in row]), self._words)
        table = self._weights["embeddings.position_embeddings.weight"]
        places = functional.embedding(layout.positions + self._first, table)
        hidden = self._norm("embeddings.LayerNorm", words + self._types + places)
        hidden = hidden.bfloat16() if self._bf16 else hidden
        hidden = self._project(hidden) if self._project else hidden
        for layer in self._layers:
            hidden = layer(hidden, layout)
        pooled = self._pool(hidden.float(), lengths)
        return functional.normalize(pooled) if self._normalize else pooled

    def _pool(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        if self._pooling == "cls":
            return hidden[lengths.cumsum(0) - lengths]
        sentence = torch.arange(len(lengths)).repeat_interleave(lengths)
        return hidden.new_zeros(len(lengths), hidden.shape[1]).index_add_(0, sentence, hidden) / lengths[:, None]

    def _layer(self, name: str) -> Callable[[Tensor, Layout], Tensor]:
        projections = [self._linear(f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
        attended, dense = self._linear(f"{name}.attention.output.dense"), self._linear(f"{name}.output.dense")
        activated = self._linear(f"{name}.intermediate.dense", gelu=True)

        def layer(hidden: Tensor, layout: Layout) -> Tensor:
            query, key, value = (project(hidden).view(-1, self._size) for project in projections)
            found = attend(query, key, value, layout, scaling=self._size**-0.5).view_as(hidden)
            hidden = self._norm(f"{name}.attention.output.LayerNorm", attended(found) + hidden)
            return self._norm(f"{name}.output.LayerNorm", dense(activated(hidden)) + hidden)

        return layer

    def _norm(self, name: str, rows: Tensor) -> Tensor:
        weight = self._weights[f"{name}.weight"]
        return functional.layer_norm(rows, weight.shape, weight, self._weights[f"{name}.bias"], self._eps)

    def _linear(self, name: str, *, gelu: bool = False) -> Layer:
        """Return a linear layer, followed by an exact GELU or by nothing."""
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        if self._bf16:
            weight, bias = weight.bfloat16(), bias.bfloat16()
        if not self._bf16 or not _can_prepack():
            plain: Layer = lambda rows: functional.linear(rows, weight, bias)  # noqa: E731 - it has no more to say
            return (lambda rows: functional.gelu(plain(rows))) if gelu else plain
        prepacked = _OPS._reorder_linear_weight(weight, ROWS)  # noqa: SLF001
        activation, algorithm = ("gelu", "none") if gelu else ("none", "")
        return lambda rows: _OPS._linear_pointwise(rows, prepacked, bias, activation, [], algorithm)  # noqa: SLF001


def _can_prepack() -> bool:
    offered = hasattr(_OPS, "_linear_pointwise") and hasattr(_OPS, "_reorder_linear_weight")
    return offered and bool(_OPS._is_mkldnn_bf16_supported())  # noqa: SLF001
