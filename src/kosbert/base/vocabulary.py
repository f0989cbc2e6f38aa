"""Trimming a multilingual vocabulary to what Korean text uses.

Most of a multilingual encoder's weights are embeddings of pieces that no Korean sentence contains, yet the
optimiser walks them at every step. What is dropped here still encodes: it falls apart into smaller pieces.
"""

import re
from collections.abc import Iterable

WORD_START = "▁"  # SentencePiece's mark for a space before the piece
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")


def korean_pieces(pieces: Iterable[str], needed: Iterable[str], ascii_length: int) -> list[int]:
    """Return the ids to keep, ascending.

    Kept are the `needed` pieces (special tokens, those of a prompt), pieces with Hangul, single characters (so
    that anything can still be spelt), and ASCII pieces of at most `ascii_length` characters, not counting the
    mark of a word's start.
    """
    always = frozenset(needed)
    kept = []
    for index, piece in enumerate(pieces):
        text = piece.removeprefix(WORD_START)
        short = len(text) <= 1 or (text.isascii() and len(text) <= ascii_length)
        if short or piece in always or HANGUL.search(text):
            kept.append(index)
    return kept
