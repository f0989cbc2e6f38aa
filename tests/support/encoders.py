"""Tiny encoders of several kinds."""

import torch
from transformers import AutoModel, DistilBertConfig

from kosbert.encoder.encode import has_bf16
from kosbert.encoder.model import assemble, load

CLOSE = 2e-2 if has_bf16(torch.device("cpu")) else 1e-5  # of our embeddings to plain ones, which are in fp32

SENTENCES = [
    "한 남자가 기타를 친다.",
    "네",
    "아이들이 공원에서 공을 차며 놀고 있는 동안 개 한 마리가 짖는다.",
    "비가 온다.",
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def of_kind(kind, tiny, **more):
    """A tiny encoder with random weights and the tokenizer of another."""
    tokenizer = load(tiny).tokenizer
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64} if kind is DistilBertConfig else SIZES
    torch.manual_seed(0)
    config = kind(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **{**sizes, **more})
    return assemble(AutoModel.from_config(config), tokenizer)
