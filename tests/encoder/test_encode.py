"""Many sentences at once give the embeddings that the library gives one by one, in less time."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from support.encoders import SENTENCES, of_kind
from torch import nn
from transformers import BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig

import kosbert.command
import kosbert.encoder.prepacking
from kosbert.command import prepare_process
from kosbert.encoder.encode import encode
from kosbert.encoder.model import load
from kosbert.encoder.prepacking import can_prepack, prepacking


def cosines(one, other):
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("bf16", [False, True])
def test_many_sentences_are_encoded_as_by_the_library_in_the_order_given(tiny, sentences, bf16):
    encoder = load(tiny)
    assert len(set(sentences)) < len(sentences)
    plain, found = encoder.encode(sentences), encode(encoder, sentences, bf16=bf16)
    assert found.dtype == np.float32
    assert cosines(plain, found).min() > (0.999 if bf16 else 0.999999)


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig, ElectraConfig, DistilBertConfig])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_every_kind_of_encoder_can_be_encoded_with_in_bf16(tiny, kind, activation):
    name = "activation" if kind is DistilBertConfig else "hidden_act"
    encoder = of_kind(kind, tiny, **{name: activation})
    plain = encoder.encode(SENTENCES)
    assert cosines(plain, encode(encoder, SENTENCES, bf16=True)).min() > 0.999


@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor does not know bf16")
def test_afterwards_weights_are_as_they_were_also_after_an_error(tiny):
    encoder = load(tiny)
    before, plain = {**encoder.state_dict()}, encoder.encode(SENTENCES)
    kinds = [type(module) for module in encoder.modules()]
    assert can_prepack(encoder)
    with pytest.raises(KeyError), prepacking(encoder):
        assert nn.Linear not in [type(module) for module in encoder.modules()]
        raise KeyError
    assert [type(module) for module in encoder.modules()] == kinds
    assert all(
        encoder.state_dict()[name] is not None and (encoder.state_dict()[name] == before[name]).all() for name in before
    )
    assert (encoder.encode(SENTENCES) == plain).all()


def test_a_processor_without_bf16_can_be_asked_for_it(tiny, monkeypatch):
    encoder = load(tiny)
    plain = encoder.encode(SENTENCES)
    ops = SimpleNamespace(_linear_pointwise=None, _reorder_linear_weight=None, _is_mkldnn_bf16_supported=lambda: False)
    monkeypatch.setattr(kosbert.encoder.prepacking, "_OPS", ops)
    assert not can_prepack(encoder)
    assert cosines(plain, encode(encoder, SENTENCES, bf16=True)).min() > 0.999


def test_a_pooling_that_is_no_mean_is_kept(tiny):
    encoder = SentenceTransformer(modules=[Transformer(str(tiny)), Pooling(32, pooling_mode="cls")])
    plain = encoder.encode(SENTENCES)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6


def test_an_encoder_of_another_kind_is_left_as_it_is(tiny):
    encoder = of_kind(DistilBertConfig, tiny)
    plain = encoder.encode(SENTENCES)
    assert (encode(encoder, SENTENCES, bf16=False) == plain).all()


SHAPES = """
import torch

product, weight = torch.ops.mkldnn._linear_pointwise, torch.randn(64, 64)
weight, bias = torch.ops.mkldnn._reorder_linear_weight(weight, 1024), torch.randn(64)
for rows in range(1, 465):
    product(torch.randn(rows, 64), weight, bias, "none", [], "")
    if rows in (64, 464):
        print(open("/proc/self/statm").read().split()[1])
"""


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="PyTorch without oneDNN")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_of_a_command_does_not_grow_with_the_shapes_of_batches(monkeypatch):
    prepared = {**os.environ}
    monkeypatch.setattr(kosbert.command.os, "environ", prepared)
    prepare_process()
    done = subprocess.run([sys.executable, "-c", SHAPES], env=prepared, capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    grown = (many - few) * resource.getpagesize() / 2**20
    assert grown < 20  # MB; with one of the two caches as it is, over 100
