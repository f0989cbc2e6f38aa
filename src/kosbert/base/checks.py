"""What shows within seconds that tokenizer and model do not belong together, or do not know Korean.

A wrong tokenizer trains without any error, and ends with a useless model.
"""

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from kosbert.base.pretrained import Backbone, token_embeddings, token_ids
from kosbert.encoder.model import longest
from kosbert.errors import KosbertError, one_line

ENDS = 2  # special pieces around a sentence
SPARE = 0.1  # share of a model's embeddings that may have no piece: some pad their number, none by a tenth
PIECES_A_CHARACTER = 2.0  # Korean syllables are one piece or less each; bytes and jamo are two to three


def check(parts: Backbone, sentences: list[str], *, unknown_at_most: float) -> None:
    """Check a tokenizer against its model, and on the sentences that will be trained on.

    Raises:
        KosbertError: they do not fit; the message says which property is wrong.
    """
    _check_ids(parts.model, parts.tokenizer)
    _check_longest(parts)
    _check_text(parts.tokenizer, sentences, unknown_at_most)


def _check_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    rows, pieces = model.get_input_embeddings().num_embeddings, max(tokenizer.get_vocab().values()) + 1
    if not (1 - SPARE) * rows <= pieces <= rows:
        raise _error(f"the tokenizer has {pieces:,} pieces, but the model {rows:,} embeddings")
    if tokenizer.pad_token_id is None:
        raise _error("the tokenizer has no pad token")
    expected = model.config.pad_token_id
    if expected not in (None, tokenizer.pad_token_id):
        raise _error(f"the tokenizer pads with id {tokenizer.pad_token_id}, but the model with {expected}")
    encoded = tokenizer("한국어")
    ids = encoded.input_ids
    begins, ends = (tokenizer.cls_token_id, tokenizer.bos_token_id), (tokenizer.sep_token_id, tokenizer.eos_token_id)
    if not ids or ids[0] not in begins or ids[-1] not in ends:
        raise _error(f"the tokenizer gives {ids}, without its special tokens at both ends")
    types = getattr(model.config, "type_vocab_size", 0)
    if types and max(encoded.get("token_type_ids", [0])) >= types:
        raise _error(f"the tokenizer gives token types up to {max(encoded['token_type_ids'])}; the model has {types}")


def _check_longest(parts: Backbone) -> None:
    length = longest(parts.model, parts.tokenizer)
    try:
        token_embeddings(parts, [" ".join(["한"] * length)], length)
    except (IndexError, RuntimeError, TypeError) as error:
        raise _error(f"it fails on a sentence of {length} pieces ({one_line(error)})") from error


def _check_text(tokenizer: PreTrainedTokenizerFast, sentences: list[str], unknown_at_most: float) -> None:
    pieces = unknown = 0
    for ids in token_ids(tokenizer, sentences):
        pieces += len(ids) - ENDS
        unknown += ids.count(tokenizer.unk_token_id)
    if unknown > unknown_at_most * pieces:
        raise _error(
            f"{unknown / pieces:.1%} of the pieces of the training sentences are unknown to the tokenizer (at most "
            f"{unknown_at_most:.1%}, `unknown_at_most` in params.yaml)"
        )
    spelt = pieces / sum(len("".join(sentence.split())) for sentence in sentences)
    if spelt > PIECES_A_CHARACTER:
        raise _error(f"the tokenizer makes {spelt:.1f} pieces of a character: Korean falls apart into jamo or bytes")


def _error(reason: str) -> KosbertError:
    return KosbertError(f"base model: {reason}; tokenizer and model have to belong together, and know Korean")
