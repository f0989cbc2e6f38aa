"""ETRI KorBERT: its tokenizer against a plain reading of the specification, its folder, and what may be wrong there."""

import json
import unicodedata

import pytest
import torch
from support.bases import korbert_pieces, write_korbert
from support.fuzz import COUNTS, fuzzed
from support.kornlu import kornlu_sentences
from transformers import AutoTokenizer

from kosbert.base.korbert import eojeol_tokenizer, load, read_vocabulary
from kosbert.base.tokenizing import wrap
from kosbert.errors import KosbertError


class Reference:
    """The eojeol tokenizer as its specification tells it, character by character."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    def ids(self, text):
        pieces = [piece for token in self.tokens(text) for piece in self.pieces(token + "_")]
        return [self.vocabulary[piece] for piece in ["[CLS]", *pieces, "[SEP]"]]

    def tokens(self, text):
        for word in self.clean(text).split():
            token = ""
            for character in word:
                if not self.is_punctuation(character):
                    token += character
                    continue
                if token:
                    yield token
                yield character
                token = ""
            if token:
                yield token

    def clean(self, text):
        kept = []
        for character in text:
            category = unicodedata.category(character)
            if character in "\t\n\r" or category in ("Zs", "Zl", "Zp"):
                kept.append(" ")
            elif character not in "\0\ufffd" and category[0] != "C":
                kept.append(character)
        return "".join(kept)

    def is_punctuation(self, character):
        code = ord(character)
        if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
            return True
        return unicodedata.category(character).startswith("P")

    def pieces(self, token):
        if len(token) > 100:
            return ["[UNK]"]
        pieces, start = [], 0
        while start < len(token):
            ends = (end for end in range(len(token), start, -1) if token[start:end] in self.vocabulary)
            end = next(ends, None)
            if end is None:
                return ["[UNK]"]
            pieces.append(token[start:end])
            start = end
        return pieces


@pytest.fixture(scope="module")
def vocabulary(sentences):
    hanja = [chr(code) for code in range(0x4E00, 0x4F00)]
    pieces = [*korbert_pieces(sentences), *hanja, "。_", "ㅋ", "ㅋㅋ_", "…_", "é", "1_", "12"]
    return {piece: index for index, piece in enumerate(pieces)}


@pytest.fixture(scope="module")
def both(vocabulary):
    return Reference(vocabulary), wrap(eojeol_tokenizer(vocabulary))


def differences(both, texts):
    reference, tokenizer = both
    texts = list(texts)
    found = tokenizer(texts).input_ids
    return [text for text, ids in zip(texts, found, strict=True) if ids != reference.ids(text)]


@pytest.mark.parametrize("count", COUNTS)
def test_it_equals_the_reference_on_fuzzed_strings(both, count):
    texts = list(fuzzed(count))
    assert len(texts) == count
    assert differences(both, texts) == []


@pytest.mark.exhaustive
def test_it_equals_the_reference_on_all_of_kornlu():
    texts = kornlu_sentences()
    vocabulary = {piece: index for index, piece in enumerate(korbert_pieces(texts, words=20_000))}
    assert differences((Reference(vocabulary), wrap(eojeol_tokenizer(vocabulary))), texts) == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("기타를 친다.", ["기타", "를_", "친다_", ".", "_"]),
        ("가" * 99, ["가"] * 98 + ["가_"]),  # with its end mark 100 characters
        ("가" * 100, ["[UNK]"]),
        ("가\u3000나\xa0다", ["가_", "나_", "다_"]),
        ("가\0나\ufffd다\u200b라", ["가", "나", "다", "라_"]),
        ("_", ["_", "_"]),
        ("", []),
    ],
)
def test_the_corner_cases_of_the_specification(text, tokens):
    letters = ["가", "나", "다", "가_", "나_", "다_", "라_", "_", "기타_", "를_", "기타", "친다_", "."]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters]
    tokenizer = wrap(eojeol_tokenizer({piece: index for index, piece in enumerate(pieces)}))
    assert tokenizer.tokenize(text) == tokens


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"vocabulary": "vocab.txt", "config": "config.json"},
        {"prefix": ""},
    ],
)
def test_a_folder_of_either_layout_loads_with_its_weights(tmp_path, sentences, layout):
    folder = write_korbert(tmp_path / "003_bert_eojeol_pytorch", sentences, **layout)
    backbone = load(folder)
    stored = torch.load(folder / "pytorch_model.bin", weights_only=True)
    prefix = layout.get("prefix", "bert.")
    state = backbone.model.state_dict()
    for name, values in stored.items():
        if name.startswith(prefix + "e"):  # embeddings, encoder
            new = name.removeprefix(prefix).replace("gamma", "weight").replace("beta", "bias")
            assert torch.equal(state[new], values), name
    assert all(not state[name].any() for name in state if "pooler" in name)
    assert backbone.tokenizer.pad_token_id == backbone.model.config.pad_token_id == 0


def test_the_saved_tokenizer_is_a_plain_one_and_encodes_the_same(tmp_path, both):
    _, tokenizer = both
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["한 남자가 [SEP] 기타를\u3000친다.", "", "[PAD]_"]
    assert loaded(texts).input_ids == tokenizer(texts).input_ids
    assert 3 not in loaded("한 [SEP] 한").input_ids[:-1]
    assert not list(tmp_path.glob("*.py"))


def test_headers_take_no_id_and_what_follows_the_tab_is_left(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("n_iters=3\nmax_length=7\n[PAD]\t9\n[UNK]\n[CLS]\n[SEP]\n 한_ \t3\n\u2028\n", encoding="utf-8")
    assert read_vocabulary(file) == {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "한_": 4, "": 5}


def without_last_line(folder):
    file = folder / "vocab.korean.rawtext.list"
    file.write_text("\n".join(file.read_text(encoding="utf-8").split("\n")[:-2]) + "\n", encoding="utf-8")


def other_rows(folder):
    without_last_line(folder)
    file = folder / "bert_config.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"vocab_size": values["vocab_size"] - 1}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: folder.rename(folder.parent / "x"),
            r"no folder .*003.*`path` of the base model in params.yaml",
        ),
        (
            lambda folder: (folder / "bert_config.json").unlink(),
            "has no bert_config.json or config.json; it has pytorch",
        ),
        (lambda folder: (folder / "pytorch_model.bin").unlink(), "has no model.safetensors or .*pytorch_model.bin"),
        (
            lambda folder: (folder / "vocab.korean.rawtext.list").unlink(),
            "has no vocab.korean.rawtext.list or vocab.txt",
        ),
        (
            lambda folder: (folder / "bert_config.json").write_text("{"),
            "bert_config.json: not the configuration of a BERT",
        ),
        (
            lambda folder: (folder / "bert_config.json").write_text("[]"),
            "bert_config.json: not the configuration of a BERT",
        ),
        (without_last_line, r"bert_config.json: vocab_size is [\d,]+, but the vocabulary has [\d,]+ pieces"),
        (other_rows, r"another shape than the config says: embeddings.word_embeddings.weight \[\d+, 32\] \(config: \["),
        (
            lambda folder: (folder / "vocab.korean.rawtext.list").write_text("가\n나\n"),
            r"begins with 가, 나; KorBERT's begins with \[PAD\], \[UNK\], \[CLS\], \[SEP\]",
        ),
        (
            lambda folder: (folder / "vocab.korean.rawtext.list").write_bytes("[PAD]\n한국".encode("cp949")),
            "vocab.korean.rawtext.list: not UTF-8 text",
        ),
    ],
)
def test_what_is_wrong_in_the_folder_is_one_line(tmp_path, sentences, change, message):
    folder = write_korbert(tmp_path / "003_bert_eojeol_pytorch", sentences)
    change(folder)
    with pytest.raises(KosbertError, match=message) as error:
        load(folder)
    assert "\n" not in error.value.message
