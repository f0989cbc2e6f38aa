"""Trimming: every kind of tokenizer encodes the sentences at hand as before, and their embeddings are the very same."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from kosbert.base.pretrained import Backbone
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.base.vocabulary import trim
from kosbert.encoder.model import assemble, load, save
from kosbert.errors import KosbertError

SHAPE = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
ENGLISH = ["international business machines are everywhere", "the quick brown fox jumps over the lazy dogs"] * 20
JAPANESE = ["東京都の天気は晴れです", "日本語の文章を書きます"] * 20


def backbone_of(tokenizer):
    torch.manual_seed(5)
    pad = tokenizer.pad_token_id
    return Backbone(BertModel(BertConfig(vocab_size=len(tokenizer), pad_token_id=pad, **SHAPE)).eval(), tokenizer)


def unigram(sentences):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = list(SPECIAL.values())
    tokenizer.train_from_iterator(
        sentences,
        trainers.UnigramTrainer(vocab_size=900, special_tokens=special, unk_token="[UNK]", show_progress=False),
    )
    return wrap(tokenizer)


def wordpiece(sentences):
    # Made here, for the library's trainer numbers pieces differently each time.
    tokenizer = Tokenizer(models.WordPiece({}, unk_token="[UNK]"))
    characters = sorted({*"".join(sentences)} - {" "})
    words = sorted({word for sentence in sentences for word in sentence.split()})
    pieces = dict.fromkeys([*SPECIAL.values(), *characters, *("##" + one for one in characters), *words])
    tokenizer.model = models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return wrap(tokenizer)


def bpe(sentences):
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=list(SPECIAL.values()), show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    return wrap(tokenizer)


def byte_bpe(sentences):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet, special = pre_tokenizers.ByteLevel.alphabet(), list(SPECIAL.values())
    trainer = trainers.BpeTrainer(
        vocab_size=1200, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return wrap(tokenizer)


@pytest.mark.parametrize("kind", [unigram, wordpiece, bpe, byte_bpe])
def test_the_sentences_at_hand_have_the_very_same_embeddings(tmp_path, sentences, kind):
    whole = backbone_of(kind([*sentences, *ENGLISH, *JAPANESE]))
    at_hand = [*sentences, "brown 여우", "전혀 모르는 글자 쀍꿻", "한 [SEP] 한"]
    trimmed = trim(whole, at_hand, "always")
    assert len(trimmed.tokenizer) < len(whole.tokenizer)
    save(assemble(trimmed.model, trimmed.tokenizer), tmp_path / "trimmed", card="")
    before, after = assemble(whole.model, whole.tokenizer), load(tmp_path / "trimmed")
    assert (before.encode(at_hand) == after.encode(at_hand)).all()


@pytest.mark.parametrize("kind", [unigram, wordpiece, bpe])
def test_pieces_with_hangul_stay_foreign_ones_go_and_what_goes_is_spelt(sentences, kind):
    whole = backbone_of(kind([*sentences, *ENGLISH, *JAPANESE]))
    hangul = {piece for piece in whole.tokenizer.get_vocab() if any("가" <= letter <= "힣" for letter in piece)}
    trimmed = trim(whole, sentences[:3], "always").tokenizer
    assert hangul <= trimmed.get_vocab().keys()
    gone = whole.tokenizer.get_vocab().keys() - trimmed.get_vocab().keys()
    assert gone
    assert all(len(piece.strip("▁#")) > 1 for piece in gone)
    assert trimmed.unk_token_id not in trimmed("international").input_ids or kind is wordpiece


def test_auto_trims_where_the_larger_part_goes(sentences):
    multilingual = backbone_of(wordpiece([*sentences[:20], *(chr(code) * 3 for code in range(0x4E00, 0x6000))]))
    assert len(trim(multilingual, sentences, "auto").tokenizer) == len(multilingual.tokenizer), "single signs stay"
    foreign = backbone_of(wordpiece([*sentences[:20], *(f"word{number}" for number in range(5000))]))
    assert len(trim(foreign, sentences[:20], "auto").tokenizer) < len(foreign.tokenizer) / 2
    own = backbone_of(wordpiece(sentences))
    assert trim(own, sentences, "auto") is own
    assert trim(foreign, sentences[:20], "never") is foreign


def test_an_unknown_word_stays_unknown():
    # The longest piece leads into a dead end; without it, the word could be spelt.
    pieces = [*SPECIAL.values(), "international", "in", "##te", "a", "##r", "##national", "##ly", "한"]
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = backbone_of(wrap(tokenizer))
    assert whole.tokenizer.tokenize("internationalx 한") == ["[UNK]", "한"]
    trimmed = trim(whole, ["internationalx 한"], "always").tokenizer
    assert trimmed.tokenize("internationalx 한") == ["[UNK]", "한"]
    assert "international" in trimmed.get_vocab()


def test_a_robertas_positions_and_special_ids_stay_right(sentences):
    tokenizer = wordpiece([*sentences, *ENGLISH])
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id}
    model = RobertaModel(RobertaConfig(vocab_size=len(tokenizer), type_vocab_size=1, **SHAPE, **special)).eval()
    trimmed = trim(Backbone(model, tokenizer), sentences, "always")
    assert trimmed.model.config.pad_token_id == trimmed.tokenizer.pad_token_id
    assert trimmed.model.config.bos_token_id == trimmed.tokenizer.cls_token_id
    assert trimmed.model.config.vocab_size == len(trimmed.tokenizer)


def test_a_kind_that_cannot_be_trimmed_is_said():
    vocabulary = {piece: index for index, piece in enumerate([*SPECIAL.values(), "한", "foreign", "stranger"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(KosbertError, match="type WordLevel cannot be trimmed; set `trim: never`"):
        trim(backbone_of(wrap(tokenizer)), ["한"], "always")


def test_what_a_tokenizer_was_set_to_stays(sentences):
    whole = backbone_of(wordpiece([*sentences, *ENGLISH]))
    trimmed = trim(whole, sentences, "always").tokenizer
    assert isinstance(trimmed, PreTrainedTokenizerFast)
    for name in ("model_max_length", "padding_side", "model_input_names", "special_tokens_map", "split_special_tokens"):
        assert getattr(trimmed, name) == getattr(whole.tokenizer, name), name
