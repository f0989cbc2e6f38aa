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
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from support.encoders import SENTENCES, of_kind
from torch import nn
from transformers import (
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

import kosbert.command
import kosbert.encoder.bert
import kosbert.encoder.encode
from kosbert.command import prepare_process
from kosbert.encoder.bert import Bert
from kosbert.encoder.encode import encode
from kosbert.encoder.model import load


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


@pytest.fixture
def engines(monkeypatch):
    """The engines that were made for models on a CPU, by what was said of their pooling."""
    made = []

    class Counted(Bert):
        def __init__(self, *arguments, **options):
            made.append(options)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(kosbert.encoder.encode, "Bert", Counted)
    return made


@pytest.mark.parametrize("bf16", [False, True])
def test_each_call_takes_the_weights_as_they_are_and_leaves_the_encoder_alone(tiny, bf16, engines):
    encoder = load(tiny)
    encoder.train()
    before = {name: values.clone() for name, values in encoder.state_dict().items()}
    one = encode(encoder, SENTENCES, bf16=bf16)
    assert all((encoder.state_dict()[name] == values).all() for name, values in before.items())
    assert encoder.training
    assert encoder[0].training
    with torch.no_grad():
        encoder[0].model.encoder.layer[0].output.dense.weight.mul_(30)
    other = encode(encoder, SENTENCES, bf16=bf16)
    assert cosines(one, other).max() < 0.999
    assert cosines(encoder.encode(SENTENCES), other).min() > 0.999
    assert engines == [{"bf16": bf16, "normalize": False, "pooling": "mean"}] * 2


def test_a_processor_without_bf16_can_be_asked_for_it(tiny, monkeypatch):
    encoder = load(tiny)
    plain = encoder.encode(SENTENCES)
    ops = SimpleNamespace(_linear_pointwise=None, _reorder_linear_weight=None, _is_mkldnn_bf16_supported=lambda: False)
    monkeypatch.setattr(kosbert.encoder.bert, "_OPS", ops)
    assert cosines(plain, encode(encoder, SENTENCES, bf16=True)).min() > 0.999


@pytest.mark.parametrize("batch", [1, 17, 1000])
def test_embeddings_do_not_depend_on_the_batches(tiny, batch, monkeypatch):
    encoder = load(tiny)
    plain = encoder.encode(SENTENCES)
    monkeypatch.setattr(kosbert.encoder.bert, "TOKENS", batch)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6


def test_mixed_precision_around_it_changes_nothing(tiny):
    encoder = load(tiny)
    plain = encode(encoder, SENTENCES, bf16=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert (encode(encoder, SENTENCES, bf16=False) == plain).all()


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooling_is_kept(tiny, pooling, normalize, engines):
    modules = [Transformer(str(tiny)), Pooling(32, pooling_mode=pooling), *([Normalize()] if normalize else [])]
    encoder = SentenceTransformer(modules=modules)
    plain = encoder.encode(SENTENCES)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6
    known = {"bf16": False, "normalize": normalize, "pooling": pooling}
    assert engines == ([] if pooling == "max" else [known])


KNOWN = {
    "bert": (BertConfig, {}),
    "bert with one type": (BertConfig, {"type_vocab_size": 1}),
    "roberta": (RobertaConfig, {}),
    "xlm-roberta": (XLMRobertaConfig, {}),
    "camembert": (CamembertConfig, {}),
    "electra": (ElectraConfig, {"embedding_size": 32}),
    "electra with narrow words": (ElectraConfig, {"embedding_size": 16}),
}
OTHER = {
    "distilbert": (DistilBertConfig, {}),
    "another activation": (BertConfig, {"hidden_act": "gelu_new"}),
    "a decoder": (BertConfig, {"is_decoder": True}),
}


@pytest.mark.parametrize(("kind", "more"), [*KNOWN.values(), *OTHER.values()], ids=[*KNOWN, *OTHER])
def test_only_a_kind_that_is_known_in_full_is_computed_here(tiny, kind, more, engines):
    encoder = of_kind(kind, tiny, **more)
    plain = encoder.encode(SENTENCES)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6
    assert len(engines) == ((kind, more) in KNOWN.values())


def cut_embeddings(encoder):
    encoder.truncate_dim = 8


def leave_the_prompt_out(encoder):
    encoder.prompts, encoder.default_prompt_name = {"query": "비 "}, "query"
    encoder[1].include_prompt = False


def change_a_type(encoder):
    encoder[0].model.double()


def add_a_layer(encoder):
    encoder[0].model.encoder.layer[1].output.more = nn.Linear(2, 2)


@pytest.mark.parametrize("change", [cut_embeddings, leave_the_prompt_out, change_a_type, add_a_layer])
def test_what_is_set_otherwise_is_left_to_the_library(tiny, change, engines):
    encoder = load(tiny)
    change(encoder)
    plain = encoder.encode(SENTENCES)
    assert np.abs(encode(encoder, SENTENCES, bf16=False) - plain).max() < 1e-6
    assert engines == []


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
