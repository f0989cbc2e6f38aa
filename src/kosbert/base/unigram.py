"""SentencePiece unigram models, such as SKT KoBERT's, as plain tokenizers that give the very same ids.

`tokenizers` can read SentencePiece's table of normalisation rules (`Precompiled`), but looks rules up by grapheme
cluster, so those for several characters go wrong. SentencePiece replaces the longest sequence that has a rule, from
left to right. Here a pattern finds these sequences, and a mark cuts them off from what follows; the table replaces
single characters; and NFC, which the mark stops, joins the characters of each sequence.
"""

import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers

from kosbert.base.tokenizing import MAX_STEPS, character_class
from kosbert.errors import KosbertError

WORD_START = "▁"
UNIGRAM = 1  # a type of model
NORMAL, UNKNOWN, USER_DEFINED, BYTE = 1, 2, 4, 6  # types of pieces; the others, control and unused, match no text
DEFINED_SCORE = -0.1  # SentencePiece's for the user's symbols: it beats every way around them
FULL_WIDTH = 0xFEE0  # from an ASCII character to its full-width form
# Whatever may join the character before it or change places with it, in any version of Unicode.
JOINING = r"\p{M}\p{Cf}\p{Cn}\p{Co}\n\x{E33}\x{EB3}\x{1F3FB}-\x{1F3FF}"
UNICODE = 0x110000


def unigram_tokenizer(model: Path) -> Tokenizer:
    """Convert a SentencePiece model file into a tokenizer of plain text, without special tokens around it.

    Its ids are SentencePiece's but for ties: where two segmentations score the same, it takes the one with the longer
    last piece, and SentencePiece the one that rounding to 24 bits happens to favour.

    Pieces that never stand for text, such as `[CLS]`, keep their names. So that the letters `[CLS]` in a text do not
    match them, the bracket in all other pieces has its full-width form. Offsets into the text are not exact.

    Raises:
        KosbertError: the file is no SentencePiece unigram model, or one that cannot be converted exactly.
    """
    proto = _read(model)
    try:
        table = _Table(proto.normalizer_spec.precompiled_charsmap)
    except (struct.error, LookupError, ValueError, RecursionError) as error:
        raise KosbertError(f"{model}: expected a table of normalisation rules, found a damaged one: {error}") from error
    try:
        steps = _steps(table)
        forms = _forms(proto.pieces, table)
    except ValueError as error:
        raise KosbertError(f"{model}: expected what can be converted exactly, found {error}") from error
    steps += [normalizers.Replace(letter, form) for letter, form in forms.items()]
    # The text starts with a space at this point: it becomes the mark of the first word.
    steps += [normalizers.Replace(Regex(" +"), WORD_START), normalizers.Replace(Regex(rf"{WORD_START}\z"), "")]
    pieces = [_entry(piece, str.maketrans(forms)) for piece in proto.pieces]
    unknown = [piece.type for piece in proto.pieces].index(UNKNOWN)
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(steps)
    letters = [decoders.Replace(form, letter) for letter, form in forms.items()]
    tokenizer.decoder = decoders.Sequence([*letters, decoders.Metaspace()])
    return tokenizer


def _read(model: Path) -> Any:  # noqa: ANN401 - protocol buffers have no types
    proto = sentencepiece_model_pb2.ModelProto()
    try:
        proto.ParseFromString(model.read_bytes())
    except DecodeError as error:
        raise KosbertError(f"{model}: expected a SentencePiece model, found none, or a part of one") from error
    types = {piece.type for piece in proto.pieces}
    if not (proto.HasField("trainer_spec") and proto.HasField("normalizer_spec") and {NORMAL, UNKNOWN} <= types):
        raise KosbertError(f"{model}: expected a SentencePiece model, found none, or a part of one")
    kind = proto.trainer_spec.model_type
    if kind != UNIGRAM:
        name = sentencepiece_model_pb2.TrainerSpec.ModelType.Name(kind)
        raise KosbertError(f"{model}: expected a SentencePiece model of type UNIGRAM, found {name}")
    spaces = proto.normalizer_spec
    usual = spaces.add_dummy_prefix and spaces.remove_extra_whitespaces and spaces.escape_whitespaces
    if not usual or proto.trainer_spec.treat_whitespace_as_suffix or BYTE in types:
        raise KosbertError(
            f"{model}: expected a SentencePiece model that drops extra spaces and marks where words start, without "
            "pieces for bytes, found one with other options"
        )
    return proto


def _entry(piece: Any, forms: dict[int, str]) -> tuple[str, float]:  # noqa: ANN401
    if piece.type == NORMAL:
        return piece.piece.translate(forms), piece.score
    return piece.piece, DEFINED_SCORE if piece.type == USER_DEFINED else 0.0


def _forms(pieces: Iterable[Any], table: "_Table") -> dict[str, str]:
    """Return letters and their full-width forms: spelt with these, no text has a piece that is not to match.

    `Unigram` matches every piece; a low score for some pieces would not do, as the unknown piece's follows the lowest.

    Raises:
        ValueError: a piece has no such letter, or a symbol of the user's would be normalised.
    """
    defined = [piece.piece for piece in pieces if piece.type == USER_DEFINED]
    for symbol in defined:
        changed = any(letter == " " or letter in table.rules or letter in table.continuations for letter in symbol)
        if changed or symbol[-1] in table.starts:
            raise ValueError(f"the user-defined symbol {symbol!r}, which normalisation changes")
    letters = {letter for piece in pieces for letter in piece.piece}
    free = letters.difference(*defined)
    forms = {letter: chr(ord(letter) + FULL_WIDTH) for letter in free if letter.isascii()}
    forms = {letter: form for letter, form in forms.items() if table.rules.get(form) == letter and form not in letters}
    needed = {}
    for piece in pieces:
        if piece.type not in (NORMAL, USER_DEFINED) and not any(letter in needed for letter in piece.piece):
            letter = next((letter for letter in piece.piece if letter in forms), None)
            if letter is None:
                raise ValueError(f"the piece {piece.piece!r}, which has no letter that can be spelt otherwise")
            needed[letter] = forms[letter]
    return needed


def _steps(table: "_Table") -> list[Any]:
    """Return the steps that normalise as the table says; they put a space in front, and leave extra spaces.

    Raises:
        ValueError: the table is not like that of SentencePiece's nmt_nfkc.
    """
    rules, nfc = table.rules, normalizers.NFC()
    cut, glue, *_ = [*(letter for letter in map(chr, range(1, 0x20)) if rules.get(letter) == ""), None, None]
    replaced = {("".join(rules.get(letter, letter) for letter in source), text): None for source, text in rules.items()}
    # These are from versions of Unicode that this NFC does not know yet.
    missed = [(parts, text) for parts, text in replaced if nfc.normalize_str(parts) != text]
    others = (letter for letter in map(chr, range(UNICODE)) if letter not in rules)
    stable = all(parts != text for parts, text in missed) and all(unicodedata.is_normalized("NFC", o) for o in others)
    if not (glue and rules.get(WORD_START) == " " and stable and len(missed) <= MAX_STEPS):
        raise ValueError("normalisation rules other than those of nmt_nfkc")
    joining = f"[{JOINING}{character_class(table.continuations)}]"
    longest = f"(?>{_pattern(table.sequences)}|(?m:.))"
    return [
        normalizers.Prepend(" "),  # what is inserted at the very start of a text derails NFC
        normalizers.Replace(Regex(rf"(?=(?m:.){joining}){longest}\K"), cut),
        # Precompiled replaces a cluster of less than six bytes by what its first character becomes.
        normalizers.Replace(Regex(f"(?<=[^{character_class(cut)}])(?={joining})"), glue),
        normalizers.Precompiled(table.without(cut)),
        *(normalizers.Replace(parts, text) for parts, text in sorted(missed, key=lambda pair: -len(pair[0]))),
        nfc,
        normalizers.Replace(cut, ""),
    ]


def _pattern(sequences: Iterable[str]) -> str:
    """Return a pattern that matches the longest of the sequences; those with the same endings share one branch."""
    endings = defaultdict(list)
    for sequence in filter(None, sequences):
        endings[sequence[0]].append(sequence[1:])
    branches = defaultdict(list)
    for letter, rest in endings.items():
        branches[_pattern(rest)].append(letter)
    choice = "|".join(f"[{character_class(letters)}]{rest}" for rest, letters in branches.items())
    return f"(?:{choice}){'?' if '' in sequences else ''}" if choice else ""


class _Table:
    """A table of normalisation rules: a double array over UTF-8 bytes, and the texts that it points to."""

    def __init__(self, blob: bytes) -> None:
        (size,) = struct.unpack_from("<I", blob)
        self._units = list(struct.unpack_from(f"<{size // 4}I", blob, 4))
        self._texts = blob[4 + size :]
        self._children = defaultdict(list)
        for node, unit in enumerate(self._units):
            if not unit >> 31 and unit & 0xFF:
                self._children[node ^ (unit & 0xFF)].append(node)
        self.rules: dict[str, str] = {}
        self._collect(0, b"")
        self.sequences = [source for source in self.rules if len(source) > 1]
        self.starts = {source[0] for source in self.sequences}
        self.continuations = {letter for source in self.sequences for letter in source[1:]}

    def without(self, letter: str) -> bytes:
        """Return the table without the rule for an ASCII character."""
        units = [*self._units]
        units[self._base(0) ^ ord(letter)] &= ~0x100
        return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + self._texts

    def _collect(self, node: int, source: bytes) -> None:
        for child in self._children.get(self._base(node), ()):
            unit = self._units[child]
            longer = source + bytes([unit & 0xFF])
            if unit >> 8 & 1:
                start = self._units[self._base(child)] & 0x7FFFFFFF
                self.rules[longer.decode()] = self._texts[start : self._texts.index(0, start)].decode()
            self._collect(child, longer)

    def _base(self, node: int) -> int:
        unit: int = self._units[node]
        return node ^ (unit >> 10 << ((unit & 0x200) >> 6))
