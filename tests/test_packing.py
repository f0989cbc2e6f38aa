"""Without padding, an encoder gives the same embeddings and the same gradients as with it."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, DistilBertConfig, RobertaConfig

from kosbert.encoder import assemble, load
from kosbert.encoding import encode
from kosbert.packing import PACKED, packing

SENTENCES = [
    "한 남자가 기타를 친다.",
    "네",
    "아이들이 공원에서 공을 차며 놀고 있는 동안 개 한 마리가 짖는다.",
    "비가 온다.",
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def of_kind(kind, tiny):
    """A tiny encoder with random weights and the tokenizer of another."""
    tokenizer = load(tiny).tokenizer
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64} if kind is DistilBertConfig else SIZES
    from transformers import AutoModel  # noqa: PLC0415 - used here alone

    torch.manual_seed(0)
    config = kind(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **sizes)
    return assemble(AutoModel.from_config(config), tokenizer)


def gradients(encoder, *, packed):
    encoder.zero_grad()
    features = encoder.preprocess(SENTENCES)
    context = packing(encoder) if packed else torch.enable_grad()
    with context:
        embeddings = encoder(features)["sentence_embedding"]
        (embeddings @ torch.linspace(-1, 1, embeddings.shape[1])).square().sum().backward()
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig])
def test_embeddings_and_gradients_are_those_with_padding(tiny, kind):
    encoder = of_kind(kind, tiny).eval()
    plain = encoder.encode(SENTENCES)
    with packing(encoder):
        assert encoder[0].model.config._attn_implementation == PACKED
        assert np.abs(encoder.encode(SENTENCES) - plain).max() < 1e-6
    encoder[0].model.set_attn_implementation("eager")
    expected, found = (gradients(encoder, packed=packed) for packed in (False, True))
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, atol=1e-6, rtol=1e-4), name


def test_afterwards_the_encoder_is_as_it_was(tiny):
    encoder = load(tiny)
    before = encoder[0].model.config._attn_implementation
    plain = encoder.encode(SENTENCES)
    with packing(encoder), packing(encoder):
        encoder.encode(SENTENCES)
    assert encoder[0].model.config._attn_implementation == before
    assert not encoder[0]._forward_pre_hooks
    assert (encoder.encode(SENTENCES) == plain).all()


def test_an_encoder_of_another_kind_is_left_as_it_is(tiny):
    encoder = of_kind(DistilBertConfig, tiny)
    plain = encoder.encode(SENTENCES)
    assert (encode(encoder, SENTENCES, bf16=False) == plain).all()


def test_dropout_still_drops_weights_of_attention(tiny):
    encoder = load(tiny).train()
    for layer in encoder[0].model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
        layer.attention.output.dropout.p = layer.output.dropout.p = 0.0
    encoder[0].model.embeddings.dropout.p = 0.0
    with packing(encoder), torch.no_grad():
        one, two = (encoder(encoder.preprocess(SENTENCES))["sentence_embedding"] for _ in range(2))
    assert not torch.allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("bf16", [False, True])
def test_many_sentences_are_encoded_as_by_the_library_in_the_order_given(tiny, sentences, bf16):
    encoder = load(tiny)
    assert len(set(sentences)) < len(sentences)
    plain, found = encoder.encode(sentences), encode(encoder, sentences, bf16=bf16)
    assert found.dtype == np.float32
    cosines = (plain * found).sum(1) / np.linalg.norm(plain, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > (0.999 if bf16 else 0.999999)


def test_a_pooling_that_is_no_mean_is_kept(tiny):
    encoder = SentenceTransformer(modules=[Transformer(str(tiny)), Pooling(32, pooling_mode="cls")])
    plain = encoder.encode(SENTENCES)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6
