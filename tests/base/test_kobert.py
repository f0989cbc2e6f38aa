"""SKT KoBERT from a folder: the layout of its ids, the pad id, its published ids, and what may be wrong there."""

import json

import pytest
import sentencepiece
import torch
from support.bases import train_sentencepiece, write_kobert
from transformers import AutoTokenizer

from kosbert.base.kobert import load
from kosbert.errors import KosbertError

TEXT = "한 남자가 [SEP] 기타를 친다."


@pytest.fixture
def folder(tmp_path, sentences):
    return write_kobert(tmp_path / "kobert-base-v1", sentences)


@pytest.fixture
def base(folder, base_of):
    return base_of("skt-kobert", path=str(folder))


def pieces_of(folder):
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))


def test_a_sentence_stands_between_cls_and_sep_and_is_padded_on_the_right(folder, base):
    tokenizer = load(base).tokenizer
    batch = tokenizer(["한 남자가 기타를 친다.", "한 남자"], padding=True)
    inside = pieces_of(folder).encode("한 남자가 기타를 친다.")
    assert batch.input_ids[0] == [2, *inside, 3]
    short = [2, *pieces_of(folder).encode("한 남자"), 3]
    assert batch.input_ids[1] == short + [1] * (len(batch.input_ids[0]) - len(short))
    assert batch.attention_mask[1][-1] == 0


def test_model_and_tokenizer_agree_on_the_pad_id_whatever_the_configuration_says(folder, base):
    assert json.loads((folder / "config.json").read_text())["pad_token_id"] == 0
    backbone = load(base)
    assert backbone.model.config.pad_token_id == backbone.tokenizer.pad_token_id == 1
    stored = torch.load(folder / "pytorch_model.bin", weights_only=True)
    assert all(torch.equal(values, stored[name]) for name, values in backbone.model.state_dict().items())


def test_the_saved_tokenizer_needs_neither_sentencepiece_nor_this_package(folder, base, tmp_path):
    load(base).tokenizer.save_pretrained(tmp_path / "saved")
    assert not list((tmp_path / "saved").glob("*.model"))
    loaded = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert loaded(TEXT).input_ids == [2, *pieces_of(folder).encode(TEXT), 3]
    assert 3 not in loaded(TEXT).input_ids[:-1]


def test_a_vocabulary_of_the_published_size_has_to_give_the_published_ids(folder, base):
    size, right = pieces_of(folder).get_piece_size(), [2, *pieces_of(folder).encode(TEXT), 3]
    load(base.model_copy(update={"vocabulary": size, "golden": {TEXT: right}}))
    with pytest.raises(
        KosbertError, match=r"spiece.model: encodes '한 남자.*, but KoBERT's published ids are \[2, 9, 3\]"
    ):
        load(base.model_copy(update={"vocabulary": size, "golden": {TEXT: [2, 9, 3]}}))


def other_vocabulary(folder):
    train_sentencepiece(folder / "spiece.model", ["가나다 라마바", "사아자 차카타"] * 20, pieces=40)


def without_special_tokens(folder):
    train_sentencepiece(folder / "spiece.model", ["가나다 라마바"] * 20, pieces=20, control_symbols=[])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "spiece.model").unlink(), "has no spiece.model; it has"),
        (
            lambda folder: (folder / "spiece.model").write_bytes(b"<html>"),
            "spiece.model: expected a SentencePiece model",
        ),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json; it has"),
        (lambda folder: (folder / "pytorch_model.bin").write_bytes(b"<html>"), "bin: not PyTorch weights"),
        (other_vocabulary, r"config.json: vocab_size is [\d,]+, but the vocabulary has \d+ pieces"),
        (without_special_tokens, r"spiece.model: no \[CLS\], \[SEP\], \[MASK\] among its pieces; is it KoBERT's file"),
    ],
)
def test_what_is_wrong_in_the_folder_is_one_line(folder, base, change, message):
    change(folder)
    with pytest.raises(KosbertError, match=message) as error:
        load(base)
    assert "\n" not in error.value.message
