"""Every file of a model's folder, damaged in every way: one clear line, or the same embeddings to the bit."""

import json
import os
import shutil

import pytest
from support.refusals import check_line, read_or_refused
from transformers import AutoModel, AutoTokenizer

import kosbert
from kosbert.encoder.calibration import Calibration
from kosbert.encoder.model import assemble, load, save
from kosbert.encoder.sums import SUMS
from kosbert.errors import KosbertError

TEXTS = ["오늘은 비가 온다.", "네", "길다 " * 200]
FILES = (
    *("1_Pooling/config.json", "2_Normalize/config.json", "README.md", "calibration.json", "config.json"),
    *("config_sentence_transformers.json", "model.safetensors", "modules.json", "sentence_bert_config.json"),
    *("tokenizer.json", "tokenizer_config.json"),
)
PROMPTS, LENGTH = "config_sentence_transformers.json", "sentence_bert_config.json"
PROMPT_OF_9000 = {"prompts": {"query": "가나 " * 3_000}, "default_prompt_name": "query"}
DEPTH = 100_000
# What the format allows to be absent or to say nothing. Without digests, nobody can tell that it said something.
OPTIONAL = {
    ("config_sentence_transformers.json", "removed"),
    *((name, "{}") for name in ("config_sentence_transformers.json", "tokenizer_config.json")),
}


def written(content):
    return lambda file: file.write_bytes(content)


def halved(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def folder(file):
    file.unlink()
    file.mkdir()


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def with_numbers(number):
    """Put a number in the place of each number of a file of JSON."""

    def change(file):
        if file.suffix == ".json":
            values = json.loads(
                file.read_text(encoding="utf-8"), parse_int=lambda _: number, parse_float=lambda _: number
            )
            file.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")

    return change


DAMAGES = {
    "removed": lambda file: file.unlink(),
    "emptied": written(b""),
    "halved": halved,
    "[]": written(b"[]"),
    "{}": written(b"{}"),
    "null": written(b"null"),
    "NULs": written(bytes(100)),
    "folder": folder,
    "pipe": pipe,
    "digits": written(b"9" * 400),
    "400 digits": with_numbers(10**399),
    "negative": with_numbers(-1),
    "deep list": written(b"[" * DEPTH + b"]" * DEPTH),
    "deep object": written(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH),
}


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """A model all of whose files count, without digests, and its embeddings."""
    out = tmp_path_factory.mktemp("whole") / "model"
    model, tokenizer = AutoModel.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    calibration = Calibration((0.1, 0.9), (0.5, 4.5), 10)
    save(
        assemble(model, tokenizer, prompt="query: ", normalize=True, length=100),
        out,
        card="the card",
        calibration=calibration,
    )
    (out / SUMS).unlink()
    assert {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()} == {*FILES}
    return out, embeddings(out)


def embeddings(folder):
    encoder = kosbert.load(folder, precision="fp32")
    assert len(encoder.count_tokens(TEXTS)) == len(TEXTS)
    return encoder.encode(TEXTS)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_line_or_the_same_embeddings(whole, tmp_path, name, damage):
    model, expected = whole
    copy = shutil.copytree(model, tmp_path / "model")
    DAMAGES[damage](copy / name)
    found = read_or_refused(embeddings, copy)
    assert found is None or (found == expected).all() or (name, damage) in OPTIONAL


@pytest.mark.parametrize(
    ("file", "values", "line"),
    [
        (
            PROMPTS,
            {"prompts": {"query": "긴 " * 900_000}},
            "the prompt query has 1,800,000 characters, exp",
        ),
        (PROMPTS, {"prompts": {"query": [7]}}, r"the prompt query is \[7\], and no text"),
        (PROMPTS, {"prompts": {"a\x1b[31m": "x" * 20_000}}, r"the prompt a \[31m has 20,000"),
        (LENGTH, {"max_seq_length": 10**12}, "max_seq_length 1000000000000 is no number of tokens"),
        (LENGTH, {"max_seq_length": 129}, "max_seq_length 129, but weights for 128 tokens"),
        (LENGTH, {"max_seq_length": 0}, "max_seq_length 0 is no number of tokens"),
        (LENGTH, {"max_seq_length": 2}, "max_seq_length 2, but prompt and special tokens take 2"),
        (PROMPTS, PROMPT_OF_9000, "max_seq_length 128, but prompt and special tokens take [0-9]+"),
        (LENGTH, {"max_seq_length": 12.5}, r"max_seq_length 12\.5 is no number of tokens"),
        ("1_Pooling/config.json", {"word_embedding_dimension": 31}, "the model makes no 31 finite numbers of a text"),
    ],
)
def test_a_setting_without_bounds_is_one_line(tiny, tmp_path, file, values, line):
    copy = shutil.copytree(tiny, tmp_path / "model")
    (copy / SUMS).unlink()
    settings = json.loads((copy / file).read_text(encoding="utf-8"))
    (copy / file).write_text(json.dumps(settings | values), encoding="utf-8")
    with pytest.raises(KosbertError, match=line) as error:
        kosbert.load(copy)
    check_line(error.value.format_message())


def test_a_vocabulary_that_does_not_fit_the_embeddings_is_one_line(tiny, tmp_path):
    tokenizer, rows = AutoTokenizer.from_pretrained(tiny), load(tiny)[0].model.config.vocab_size
    copy = shutil.copytree(tiny, tmp_path / "model")
    (copy / SUMS).unlink()
    tokenizer.add_tokens(["낱말하나"])
    tokenizer.save_pretrained(copy)
    with pytest.raises(KosbertError, match=f"the tokenizer has {rows + 1:,} pieces, but the model {rows:,} embeddings"):
        kosbert.load(copy)


def test_a_tokenizer_without_its_vocabulary_is_one_line(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "model")
    (copy / SUMS).unlink()
    file = copy / "tokenizer.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    whole["model"] |= {"vocab": {token["content"]: token["id"] for token in whole["added_tokens"]}, "merges": []}
    file.write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(KosbertError, match="the tokenizer has 5 pieces, but the model"):
        kosbert.load(copy)
