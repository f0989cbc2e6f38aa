"""Without padding, an encoder gives the same embeddings and the same gradients as with it."""

import numpy as np
import pytest
import torch
from support.encoders import SENTENCES, of_kind
from transformers import BertConfig, RobertaConfig

from kosbert.encoder.model import load
from kosbert.encoder.unpadding import ATTENTION, unpadding


def gradients(encoder, *, unpadded):
    encoder.zero_grad()
    features = encoder.preprocess(SENTENCES)
    context = unpadding(encoder) if unpadded else torch.enable_grad()
    with context:
        embeddings = encoder(features)["sentence_embedding"]
        (embeddings @ torch.linspace(-1, 1, embeddings.shape[1])).square().sum().backward()
    return {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("group", [1, 3, 32])
@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig])
def test_embeddings_and_gradients_are_those_with_padding(tiny, kind, group, monkeypatch):
    monkeypatch.setattr("kosbert.encoder.unpadded.GROUP", group)
    encoder = of_kind(kind, tiny).eval()
    plain = encoder.encode(SENTENCES)
    with unpadding(encoder):
        assert encoder[0].model.config._attn_implementation == ATTENTION
        assert np.abs(encoder.encode(SENTENCES) - plain).max() < 1e-6
    encoder[0].model.set_attn_implementation("eager")
    expected, found = (gradients(encoder, unpadded=unpadded) for unpadded in (False, True))
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, atol=1e-6, rtol=1e-4), name


def test_afterwards_the_encoder_is_as_it_was(tiny):
    encoder = load(tiny)
    before = encoder[0].model.config._attn_implementation
    plain = encoder.encode(SENTENCES)
    with unpadding(encoder), unpadding(encoder):
        encoder.encode(SENTENCES)
    assert encoder[0].model.config._attn_implementation == before
    assert not encoder[0]._forward_pre_hooks
    assert (encoder.encode(SENTENCES) == plain).all()


def test_dropout_still_drops_weights_of_attention(tiny):
    encoder = load(tiny).train()
    for layer in encoder[0].model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
        layer.attention.output.dropout.p = layer.output.dropout.p = 0.0
    encoder[0].model.embeddings.dropout.p = 0.0
    with unpadding(encoder), torch.no_grad():
        one, two = (encoder(encoder.preprocess(SENTENCES))["sentence_embedding"] for _ in range(2))
    assert not torch.allclose(one, two, atol=1e-4)
