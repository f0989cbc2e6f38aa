"""A tokenizer that does not belong to its model, or does not know Korean, is found before any training."""

import pytest
from support.bases import write_klue_roberta
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from kosbert.base.checks import check
from kosbert.base.hub import load
from kosbert.base.pretrained import Backbone
from kosbert.base.tokenizing import SPECIAL, wrap
from kosbert.errors import KosbertError


@pytest.fixture(scope="module")
def backbone(tmp_path_factory, sentences, base_of):
    folder = write_klue_roberta(tmp_path_factory.mktemp("hub") / "klue", [*sentences, "한국어"])
    return load(base_of("klue-roberta", path=str(folder)))


def renamed(tokenizer, **changes):
    """The same tokenizer with other special tokens."""
    special = tokenizer.special_tokens_map | changes
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, **{name: token for name, token in special.items() if token}
    )


def test_what_belongs_together_passes(backbone, sentences):
    check(backbone, sentences, unknown_at_most=0.0)


def test_another_models_tokenizer_is_refused(backbone, sentences):
    pieces = [*SPECIAL.values(), *sorted({*"".join(sentences)})]
    other = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    with pytest.raises(KosbertError, match=rf"the tokenizer has {len(pieces)} pieces, but the model [\d,]+ embeddings"):
        check(Backbone(backbone.model, wrap(other)), sentences, unknown_at_most=1)


def test_a_tokenizer_with_more_pieces_than_the_model_has_embeddings_is_refused(backbone, sentences):
    more = renamed(backbone.tokenizer)
    more.add_tokens(["새말"])
    with pytest.raises(KosbertError, match=r"pieces, but the model [\d,]+ embeddings"):
        check(Backbone(backbone.model, more), sentences, unknown_at_most=1)


def test_pad_ids_have_to_agree(backbone, sentences):
    with pytest.raises(KosbertError, match="the tokenizer pads with id 4, but the model with 1"):
        check(Backbone(backbone.model, renamed(backbone.tokenizer, pad_token="[MASK]")), sentences, unknown_at_most=1)
    with pytest.raises(KosbertError, match="the tokenizer has no pad token"):
        check(Backbone(backbone.model, renamed(backbone.tokenizer, pad_token=None)), sentences, unknown_at_most=1)


def test_special_tokens_have_to_stand_at_both_ends(backbone, sentences):
    bare = Tokenizer.from_str(backbone.tokenizer.backend_tokenizer.to_str())
    bare.post_processor = processors.Sequence([])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, **backbone.tokenizer.special_tokens_map)
    with pytest.raises(KosbertError, match="without special tokens at both ends"):
        check(Backbone(backbone.model, tokenizer), sentences, unknown_at_most=1)


def test_token_types_have_to_be_the_models(backbone, sentences):
    spec = backbone.tokenizer.backend_tokenizer.to_str()
    other = Tokenizer.from_str(spec)
    wrapped = wrap(other)
    other.post_processor = processors.TemplateProcessing(
        single="[CLS]:3 $A:0 [SEP]:0", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    types = PreTrainedTokenizerFast(
        tokenizer_object=other,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **wrapped.special_tokens_map,
    )
    with pytest.raises(KosbertError, match="the tokenizer gives token types up to 3; the model has 1"):
        check(Backbone(backbone.model, types), sentences, unknown_at_most=1)


def test_too_many_unknown_pieces_are_an_error_above_the_limit(backbone, sentences):
    strange = ["漢字 한국어", *sentences[:3]]
    with pytest.raises(
        KosbertError, match=r"[\d.]+% of the pieces of the training sentences are unknown .*at most 1.0%"
    ):
        check(backbone, strange, unknown_at_most=0.01)
    check(backbone, strange, unknown_at_most=0.5)


def test_korean_that_falls_apart_into_bytes_is_an_error(backbone, sentences):
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    spare = [f"spare{number}" for number in range(backbone.model.config.vocab_size - len(letters) - 5)]
    vocabulary = {
        piece: index for index, piece in enumerate(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]", *letters, *spare])
    }
    english = Tokenizer(models.BPE(vocabulary, []))
    english.pre_tokenizer = pre_tokenizers.ByteLevel()
    with pytest.raises(KosbertError, match=r"makes [23]\.\d pieces per character: it splits Korean"):
        check(Backbone(backbone.model, wrap(english)), sentences, unknown_at_most=0.05)


def test_a_model_that_takes_shorter_sentences_than_its_tokenizer_says_is_refused(backbone, sentences):
    config = type(backbone.model.config).from_dict(backbone.model.config.to_dict() | {"max_position_embeddings": 60})
    short = type(backbone.model)(config).eval()
    short.config.max_position_embeddings = 130
    with pytest.raises(KosbertError, match=r"it fails on a sentence of 1\d\d pieces"):
        check(Backbone(short, backbone.tokenizer), sentences, unknown_at_most=1)
