"""What applications know of a model: one fingerprint for what gives the same embeddings, and safety under threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from support.encoders import CLOSE

from kosbert import encoding
from kosbert.apps import embedder
from kosbert.inference.pytorch import ModelEmbedder, fingerprint
from kosbert.encoder.model import load
from kosbert.errors import KosbertError


@pytest.fixture
def encoder(tiny):
    return load(tiny)


def another_weight(encoder):
    with torch.no_grad():
        next(encoder.parameters()).view(-1)[0] += 1e-3


def another_prompt(encoder):
    encoder.prompts["other"] = "query: "
    encoder.default_prompt_name = "other"


def another_word(encoder):
    encoder.tokenizer.add_tokens(["낱말하나"])


def another_pooling(encoder):
    (pooling,) = (module for module in encoder if type(module).__name__ == "Pooling")
    place = [*encoder._modules.values()].index(pooling)
    settings = pooling.get_config_dict() | {"pooling_mode": "cls"}
    encoder._modules[[*encoder._modules][place]] = type(pooling)(**settings)


def another_length(encoder):
    encoder.max_seq_length = 7


@pytest.mark.parametrize(
    "change", [another_weight, another_prompt, another_word, another_pooling, another_length], ids=lambda f: f.__name__
)
def test_what_changes_embeddings_changes_the_fingerprint(encoder, change):
    before = fingerprint(encoder)
    change(encoder)
    assert fingerprint(encoder) != before


def test_the_fingerprint_is_of_the_model_and_not_of_its_use_or_place(encoder, tiny, tmp_path):
    before = fingerprint(encoder)
    encoder.encode(["눈이 온다.", "비"], batch_size=2)
    encoding.encode(encoder, ["바람이 분다.", "해"])
    assert fingerprint(encoder) == before
    assert embedder.load(str(tiny)).fingerprint == before
    encoder.save(str(tmp_path / "again"))
    assert fingerprint(load(tmp_path / "again")) == before


def test_embeddings_are_those_of_the_encoder_in_the_order_given(encoder):
    texts = ["눈이 온다.", "비", "눈이 온다.", ""]
    ours = ModelEmbedder(encoder)
    assert ours.encode(texts) == pytest.approx(encoder.encode(texts), abs=CLOSE)
    assert ours.encode(texts).shape == (4, ours.dimensions)
    assert ours.encode([]).shape == (0, ours.dimensions)
    assert ours.encode([]).dtype == np.float32


def test_a_model_without_a_transformer_is_one_like_any(encoder, tmp_path):
    static = StaticEmbedding(encoder.tokenizer.backend_tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static]).save(str(tmp_path / "static"))
    ours = embedder.load(str(tmp_path / "static"))
    assert ours.encode(["눈이 온다.", "비"]) == pytest.approx(ours.encoder.encode(["눈이 온다.", "비"]), abs=CLOSE)
    assert ours.fingerprint == embedder.load(str(tmp_path / "static")).fingerprint != fingerprint(encoder)


def test_a_tokenizer_of_another_library_is_one_line(encoder):
    encoder[0].processor = object()
    with pytest.raises(KosbertError, match=r"^the model's tokenizer \(NoneType\) is not of the library tokenizers$"):
        ModelEmbedder(encoder)


def test_threads_share_one_model(encoder, sentences):
    ours = ModelEmbedder(encoder)
    parts = [sentences[start : start + 5] for start in range(0, 60, 5)]
    expected = [ours.encode(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(ours.encode, parts)]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_no_model_is_one_line(tmp_path):
    with pytest.raises(KosbertError, match="no sentence-transformers model"):
        embedder.load(str(tmp_path))
