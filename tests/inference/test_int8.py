"""In int8, an encoder gives nearly the embeddings that it gives otherwise."""

import os
import sys

import numpy as np
import pytest
from support.encoders import of_kind
from transformers import BertConfig

from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.inference.graph import usable_cores
from kosbert.inference.int8 import Int8Encoder


def test_embeddings_are_nearly_those_in_full_precision_in_the_order_given(tiny, sentences):
    encoder = of_kind(BertConfig, tiny, hidden_size=128, intermediate_size=256, initializer_range=0.2)
    plain, found = encoder.encode(sentences), Int8Encoder(encoder).encode(sentences)
    assert found.dtype == np.float32
    cosines = (plain * found).sum(1) / np.linalg.norm(plain, axis=1) / np.linalg.norm(found, axis=1)
    assert 0.97 < cosines.min() < 0.999999  # rounded, but little


def test_the_encoder_given_is_left_as_it_is_and_nobody_is_told(tiny):
    encoder = load(tiny)
    before = encoder.encode(["비가 온다."])
    Int8Encoder(encoder)
    assert (encoder.encode(["비가 온다."]) == before).all()
    assert sys.modules.get("openvino_telemetry") is None


def test_without_the_extra_it_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(KosbertError, match=r"openvino, which is not installed; .*pip install 'openvino>="):
        Int8Encoder(load(tiny))


def test_what_its_graph_would_not_do_is_refused(tiny):
    encoder = load(tiny)
    encoder.prompts, encoder.default_prompt_name = {"query": "질문: "}, "query"
    Int8Encoder(encoder)
    encoder[1].include_prompt = False
    with pytest.raises(KosbertError, match="its pooling excludes the prompt"):
        Int8Encoder(encoder)


def test_cores_are_those_that_are_said_or_that_the_system_tells(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usable_cores() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert usable_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert usable_cores() == os.cpu_count()
