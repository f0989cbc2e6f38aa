"""Check within seconds that tokenizer and model belong together, and know Korean.

Training with a wrong tokenizer raises no error, and ends with a useless model.
"""

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from kosbert.base.pretrained import Backbone, token_embeddings, token_ids
from kosbert.encoder.failures import in_one_line
from kosbert.encoder.model import max_seq_length
from kosbert.errors import KosbertError, one_line

ENDS = 2  # the number of special pieces around a sentence
SPARE = 0.1  # the share of embeddings that may have no piece: some models pad their number, none by a tenth
MAX_PIECES_PER_CHARACTER = 2.0  # a Korean syllable is one piece or less; as bytes or jamo it is two to three

TOGETHER = "use a tokenizer that belongs to the model and knows Korean"


def check(backbone: Backbone, sentences: list[str], *, unknown_at_most: float, length: int | None = None) -> None:
    """Check a tokenizer against its model, and on the training sentences.

    Args:
        backbone: the model and the tokenizer.
        sentences: the sentences that will be trained on.
        unknown_at_most: the largest share of their pieces that may be unknown.
        length: how many tokens of a text are to be read; see `max_seq_length`.

    Raises:
        KosbertError: tokenizer, model and sentences do not fit; the message says which property is wrong.
    """
    with in_one_line("base model: tokenizer or model fails", TOGETHER):
        _check_ids(backbone.model, backbone.tokenizer)
        _check_length(backbone, length)
        _check_text(backbone.tokenizer, sentences, unknown_at_most)


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
        raise _error(f"the tokenizer gives {ids}, without special tokens at both ends")
    types = getattr(model.config, "type_vocab_size", 0)
    if types and max(encoded.get("token_type_ids", [0])) >= types:
        raise _error(f"the tokenizer gives token types up to {max(encoded['token_type_ids'])}; the model has {types}")


def _check_length(backbone: Backbone, wanted: int | None) -> None:
    try:
        length = max_seq_length(backbone.model, backbone.tokenizer, wanted)
    except KosbertError as error:
        raise KosbertError(f"base model: max_seq_length: {error.message}") from error
    try:
        token_embeddings(backbone, [" ".join(["한"] * length)], length)
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
    per_character = pieces / sum(len("".join(sentence.split())) for sentence in sentences)
    if per_character > MAX_PIECES_PER_CHARACTER:
        raise _error(
            f"the tokenizer makes {per_character:.1f} pieces per character: it splits Korean into jamo or bytes"
        )


def _error(reason: str) -> KosbertError:
    return KosbertError(f"base model: {reason}; {TOGETHER}")
