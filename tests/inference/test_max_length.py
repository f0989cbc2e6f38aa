"""How many tokens of a text are read: told, counted, and changed within what the model takes, on every engine."""

import numpy as np
import pytest

import kosbert
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.inference.encoder import model_of
from kosbert.inference.export import export

SHORT = "눈이 온다."
LONG = "눈이 온다. " * 100


@pytest.fixture(scope="module")
def brief(tiny, tmp_path_factory):
    """A model that reads fewer tokens than it could."""
    folder = tmp_path_factory.mktemp("brief") / "model"
    model = load(tiny)
    model.max_seq_length = 16
    model.save(str(folder))
    return folder


@pytest.fixture(scope="module")
def exported(brief, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    export(f"{brief}", folder)
    return folder


KINDS = ["pytorch", "int8", "exported", pytest.param("pool", marks=pytest.mark.exhaustive)]


@pytest.fixture(params=KINDS)
def loaded(request, brief, exported):
    options = {"int8": {"precision": "int8"}, "pool": {"devices": ["cpu", "cpu"]}}.get(request.param, {})
    folder = exported if request.param == "exported" else brief
    return lambda **more: kosbert.load(folder, **options, **more)


def test_what_is_not_read_is_counted_and_more_of_it_is_read_if_asked_for(brief, loaded):
    same_start = f"{LONG}해가 뜬다."
    with loaded() as encoder:
        assert (encoder.max_length, encoder.most_tokens) == (16, 128)
        assert encoder.count_truncated([SHORT, LONG, SHORT, LONG]) == 2
        assert encoder.count_truncated([]) == 0
        assert encoder.count_tokens([]) == []
        counts = [len(load(brief).tokenizer(text, truncation=False).input_ids) for text in (SHORT, LONG, "")]
        assert encoder.count_tokens([SHORT, LONG, ""]) == counts
        assert min(counts) == 2
        one, other = encoder.encode([SHORT + LONG, SHORT + same_start])
        np.testing.assert_array_equal(one, other)
        digest = model_of(encoder.fingerprint)
    tokens = len(load(brief).tokenizer(f"{SHORT} {SHORT} {SHORT} 해가 뜬다.").input_ids)
    assert 16 < tokens <= 128
    with loaded(max_length=tokens) as encoder:
        assert encoder.max_length == tokens
        texts = [f"{SHORT} {SHORT} {SHORT} 해가 뜬다.", f"{SHORT} {SHORT} {SHORT} 달이 진다."]
        assert encoder.count_truncated([texts[0], LONG]) == 1
        one, other = encoder.encode(texts)
        assert np.abs(one - other).max() > 0.001
        assert model_of(encoder.fingerprint) != digest


def test_every_engine_has_the_same_name_for_a_model_with_another_length(brief, exported):
    names = {model_of(kosbert.load(folder, max_length=40).fingerprint) for folder in (brief, exported)}
    assert len(names) == 1
    assert kosbert.load(brief, max_length=16).fingerprint == kosbert.load(brief).fingerprint


@pytest.mark.parametrize("wanted", [0, 7, 129, 10_000])
@pytest.mark.parametrize("form", ["brief", "exported"])
def test_more_than_the_model_takes_is_one_line(request, form, wanted):
    with pytest.raises(KosbertError, match=rf"max length {wanted:,}: expected .* can read, 8 to 128$"):
        kosbert.load(request.getfixturevalue(form), max_length=wanted)


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["눈", None], r"text 2: expected a text, found NoneType"),
        ([float("nan")], r"text 1: expected a text, found float \(nan\)"),
        (["\ud800눈"], r"text 1: a lone surrogate"),
        ("눈", r"expected a list of texts, found a single text; write \[text\]"),
    ],
)
def test_what_is_no_text_is_one_line(brief, texts, line):
    encoder = kosbert.load(brief)
    for use in (encoder.encode, encoder.count_truncated, encoder.count_tokens):
        with pytest.raises(KosbertError, match=line):
            use(texts)
