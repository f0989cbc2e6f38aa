"""ETRI KorBERT, eojeol version, from the folder of a licence holder. Its tokenizer becomes a plain fast one.

ETRI's tokenizer (`src_tokenizer/tokenization.py`) removes control characters, makes white space a space, and separates
every punctuation character. Each token gets a `_` at its end, and is then split greedily into the longest pieces of
the vocabulary, which carry no mark inside words.
"""

import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import BertModel

from kosbert.base.pretrained import Backbone, Pretrained, bert_config, find, load_model
from kosbert.base.tokenizing import SPECIAL, character_class, wrap
from kosbert.errors import KosbertError, one_line

VOCABULARY = ("vocab.korean.rawtext.list", "vocab.txt")
CONFIG = ("bert_config.json", "config.json")
HEADERS = ("n_iters=", "max_length=")  # lines of the vocabulary that begin so are not tokens
FIRST = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
END = "_"
MAX_TOKEN_LENGTH = 100  # in characters, with the end mark; a longer token is unknown


class KorBert(Pretrained):
    """ETRI KorBERT with eojeol vocabulary.

    Attributes:
        path: the folder that ETRI gives its licence holders.
    """

    kind: Literal["korbert-eojeol"]
    path: str


def load(folder: Path) -> Backbone:
    """Load model and tokenizer.

    Raises:
        KosbertError: a file is missing or damaged, or vocabulary and weights are not from the same model.
    """
    vocabulary, config_file = find(folder, *VOCABULARY), find(folder, *CONFIG)
    pieces = read_vocabulary(vocabulary)
    config = bert_config(config_file, pieces=max(pieces.values()) + 1, pad=pieces[FIRST[0]])
    tokenizer = wrap(eojeol_tokenizer(pieces), positions=config.max_position_embeddings)
    return Backbone(load_model(BertModel, folder, config), tokenizer)


def read_vocabulary(path: Path) -> dict[str, int]:
    """Read the pieces and their ids: one a line, up to the first tab, in the order of the ids.

    Raises:
        KosbertError: the file is not UTF-8, or does not begin with the special tokens.
    """
    try:
        with path.open(encoding="utf-8") as file:
            tokens = [line.partition("\t")[0].strip() for line in file if not line.startswith(HEADERS)]
    except UnicodeDecodeError as error:
        raise KosbertError(f"{path}: not UTF-8 text: {error}; the vocabulary of KorBERT is") from error
    if tokens[: len(FIRST)] != FIRST:
        found = one_line(", ".join(tokens[: len(FIRST)]), 80)
        raise KosbertError(f"{path}: begins with {found}; KorBERT's begins with {', '.join(FIRST)}")
    return {token: index for index, token in enumerate(tokens)}


def eojeol_tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    """Return a tokenizer of text to the vocabulary's pieces, without `[CLS]` and `[SEP]` around them."""
    tokenizer = Tokenizer(
        models.WordPiece(
            vocabulary,
            unk_token=SPECIAL["unk_token"],
            continuing_subword_prefix="",
            max_input_chars_per_word=MAX_TOKEN_LENGTH,
        )
    )
    space, control, punctuation = map(_characters, (_is_space, _is_control, _is_punctuation))
    # A token ends after punctuation, and after anything else that is followed by punctuation, a space or nothing.
    end = rf"(?<=[{punctuation}])|(?<=[^ {punctuation}])(?=[ {punctuation}]|\z)"
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{control}]"), ""),
            normalizers.Replace(Regex(f"[{space}]"), " "),
            normalizers.Replace(Regex(end), f"{END} "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Sequence([decoders.Replace(END, " "), decoders.Fuse()])
    return tokenizer


def _is_space(character: str) -> bool:
    return character in "\t\n\r" or unicodedata.category(character).startswith("Z")


def _is_control(character: str) -> bool:
    other = unicodedata.category(character).startswith("C") and not _is_space(character)
    return other or character == "\ufffd"


def _is_punctuation(character: str) -> bool:
    ascii_sign = "!" <= character <= "~" and not character.isalnum()
    return ascii_sign or unicodedata.category(character).startswith("P")


@cache
def _characters(belongs: Callable[[str], bool]) -> str:
    """Return the inside of a regular expression's class of every character that belongs.

    Python's tables are written out, for ETRI's code reads them; those of the expression's engine differ in rare signs.
    """
    characters = map(chr, range(sys.maxunicode + 1))
    return character_class(one for one in characters if not "\ud800" <= one <= "\udfff" and belongs(one))
