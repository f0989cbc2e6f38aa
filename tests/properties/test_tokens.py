"""Tokenizers and unpadding, whatever the text, the vocabulary and the lengths."""

import io

import pytest
import sentencepiece
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.kornlu import sentences_of
from support.refusals import read_or_refused
from support.strategies import texts
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertModel

from kosbert.base.pretrained import Backbone, token_ids
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.base.unigram import unigram_tokenizer
from kosbert.base.vocabulary import trim
from kosbert.encoder.unpadded import lay_out

LETTERS = "가나abz你"
pieces = st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=12, unique=True)
sentences = st.lists(st.text(LETTERS + " x", max_size=10), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def both(root, tmp_path_factory):
    """A SentencePiece model, and the tokenizer that it becomes."""
    model, path = io.BytesIO(), tmp_path_factory.mktemp("model") / "spiece.model"
    corpus = iter(sentences_of(root / "data/sample"))
    options = {"vocab_size": 1000, "hard_vocab_limit": False, "num_threads": 1, "minloglevel": 2}
    options |= {f"{name}_id": number for number, name in enumerate(("unk", "pad", "bos", "eos"))}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=corpus, model_writer=model, **options)
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(path)), unigram_tokenizer(path)


@given(text=st.text(st.sampled_from("가나다 네는 이 도 하다ㄱㅏ\u1100\u1161é가"), max_size=20) | texts)
def test_a_converted_tokenizer_gives_the_pieces_of_the_original(both, text):
    theirs, ours = both
    assert sorted(ours.encode(text).ids) == sorted(theirs.encode(text))  # of equal scores, either order is right


def backbone_of(kind, own):
    names = [*SPECIAL.values()]
    rest = [*dict.fromkeys([*own, *LETTERS])]
    if kind == "WordPiece":
        rest += [f"##{piece}" for piece in rest]
        vocabulary = {piece: number for number, piece in enumerate([*names, *rest])}
        model = models.WordPiece(vocabulary, unk_token=SPECIAL["unk_token"])
    else:
        scores = [*((name, 0.0) for name in names), *((piece, -float(len(piece))) for piece in rest)]
        model = models.Unigram(scores, unk_id=1, byte_fallback=False)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFC(), pre_tokenizers.Whitespace()
    size = tokenizer.get_vocab_size()
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    encoder = BertModel(BertConfig(vocab_size=size, pad_token_id=0, max_position_embeddings=64, **sizes)).eval()
    return Backbone(encoder, wrap(tokenizer, positions=64))


@pytest.mark.parametrize("kind", ["WordPiece", "Unigram"])
@given(own=pieces, sentences=sentences)
def test_a_trimmed_vocabulary_spells_the_sentences_alike_or_is_refused(kind, own, sentences):
    before = backbone_of(kind, own)
    after = read_or_refused(trim, before, sentences, "always")
    if after is not None:
        spelt = [
            [each.tokenizer.convert_ids_to_tokens(ids) for ids in token_ids(each.tokenizer, sentences)]
            for each in (before, after)
        ]
        assert spelt[0] == spelt[1]
        assert after.model.config.vocab_size == len(after.tokenizer) <= len(before.tokenizer)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=70), heads=st.integers(1, 3))
def test_each_token_has_one_row_in_attention_beside_those_of_its_sentence(lengths, heads):
    layout = lay_out(torch.tensor(lengths), heads)
    tokens = sum(lengths)
    assert layout.positions.tolist() == [position for length in lengths for position in range(length)]
    assert len(set(layout.padded.tolist())) == tokens * heads
    assert layout.unpadded[layout.padded].tolist() == [*range(tokens * heads)]
    unmasked = torch.cat([(bias == 0).flatten() for bias in layout.biases])
    assert unmasked.nonzero().squeeze(1).tolist() == sorted(layout.padded.tolist())
    assert sum(bias.numel() for bias in layout.biases) == len(layout.unpadded)
