"""SentencePiece's table of normalisation rules, made from a tokenizer's normaliser by asking it.

llama.cpp normalises text by such a table alone: at each place it replaces the longest sequence that has a rule. The
table is a double array over UTF-8 bytes, of 32-bit units, and the texts that the units of rules point to.
"""

import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tokenizers.normalizers import Normalizer

SEPARATOR = "\ue000"  # for private use: no normaliser changes it, and it joins no character
PLANES = [*range(1, 0x40000), *range(0xE0000, 0xE1000)]  # the others have no characters but private ones
SURROGATES = range(0xD800, 0xE000)
CHUNK = 4096  # texts that are normalised in one call
BLOCK = 256  # one more than the highest byte
ALL = (1 << BLOCK) - 1  # as bits
OPEN = 16  # blocks of the double array that are still searched for room
ENDS, VALUE = 1 << 8, 1 << 31  # flags of a unit: a rule ends here; the rest is the place of its text


def charsmap(normalizer: Normalizer) -> bytes:
    """Return the table that normalises as a normaliser does, but for rare sequences of marks; empty if it does nothing.

    Args:
        normalizer: a normaliser that replaces characters, or sequences that compose.
    """
    rules = normalization_rules(normalizer)
    return _double_array(rules) if rules else b""


def normalization_rules(normalizer: Normalizer) -> dict[str, str]:
    """Return what replaces each character, and each sequence that composes, where the normaliser changes it."""
    letters = [chr(code) for code in PLANES if code not in SURROGATES and chr(code) != SEPARATOR]
    rules = {one: text for one, text in _normalized(normalizer, letters) if one != text}
    sources = defaultdict(list)
    for one, text in rules.items():
        sources[text].append(one)
    for sequence, text in [*_normalized(normalizer, sorted(_composing(letters, sources)))]:
        if text != "".join(rules.get(letter, letter) for letter in sequence):
            rules[sequence] = text
    return rules


def _normalized(normalizer: Normalizer, texts: list[str]) -> Iterator[tuple[str, str]]:
    """Pair each text with what the normaliser makes of it; many are normalised in one go."""
    for start in range(0, len(texts), CHUNK):
        some = texts[start : start + CHUNK]
        # With separators at both ends no text is at an end, where spaces are stripped.
        joined = normalizer.normalize_str(SEPARATOR.join(["", *some, ""]))
        yield from zip(some, joined.split(SEPARATOR)[1:-1], strict=True)


def _composing(letters: Iterable[str], sources: dict[str, list[str]]) -> set[str]:
    """Return the sequences that Unicode composes, and those of two characters that become them (ｶﾞ as カ and ゙)."""
    found = set()
    for letter in letters:
        if pair := _pair(letter):
            first, last = pair
            found |= {one + other for one in [first, *sources[first]] for other in [last, *sources[last]]}
            found |= {longer + last for longer in _spellings(first)}
    return found


def _spellings(letter: str) -> Iterator[str]:
    if pair := _pair(letter):
        for first in (pair[0], *_spellings(pair[0])):
            yield first + pair[1]


def _pair(letter: str) -> list[str] | None:
    """Return the two characters that a character is composed of; None if it is not."""
    decomposed = unicodedata.normalize("NFD", letter)
    if len(decomposed) < 2:  # noqa: PLR2004 - one character
        return None
    first = unicodedata.normalize("NFC", decomposed[:-1])
    return [first, decomposed[-1]] if len(first) == 1 else None


class _Node:
    """A node of a trie over bytes, and where in the texts the replacement of what leads to it starts."""

    def __init__(self) -> None:
        self.children: dict[int, _Node] = {}
        self.start: int | None = None


def _double_array(rules: dict[str, str]) -> bytes:
    """Return the table of rules as bytes."""
    texts, starts, root = bytearray(), dict[str, int](), _Node()
    for source, text in rules.items():
        if text not in starts:
            starts[text] = len(texts)
            texts += text.encode() + b"\0"
        node = root
        for byte in source.encode():
            node = node.children.setdefault(byte, _Node())
        node.start = starts[text]
    units = _units(root)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(texts)


def _units(root: _Node) -> list[int]:
    """Lay a trie out as a double array: a node's children stand at its base, each XOR its own byte."""
    units, blocks, waiting = [0] * BLOCK, [_Block(places=ALL & ~1, bases=ALL)], [(0, root)]
    while waiting:
        place, node = waiting.pop()
        base = _reserve(blocks, [*([] if node.start is None else [0]), *node.children], other_than=place)
        units += [0] * (len(blocks) * BLOCK - len(units))
        units[place] |= (base ^ place) << 10
        if node.start is not None:
            units[place] |= ENDS
            units[base] = VALUE | node.start
        for byte, child in node.children.items():
            units[base ^ byte] = byte
            waiting.append((base ^ byte, child))
    return units


@dataclass
class _Block:
    """Which places of a block of the double array are free, and which are no node's base yet, as bits.

    A unit tells its byte and not its parent, so two nodes may not have the same base.
    """

    places: int
    bases: int

    def fitting(self, labels: list[int], other_than: int) -> int | None:
        """Return a new base whose places for all labels are free, other than the given one."""
        places = self.places
        while places:
            base = (places & -places).bit_length() - 1 ^ labels[0]
            if (
                base != other_than
                and self.bases >> base & 1
                and all(self.places >> (base ^ label) & 1 for label in labels)
            ):
                return base
            places &= places - 1
        return None


def _reserve(blocks: list[_Block], labels: list[int], *, other_than: int) -> int:
    """Reserve a base and its places for all labels; adds a block if need be.

    Args:
        blocks: those of the double array.
        labels: the bytes of a node's children, and 0 if a rule ends there.
        other_than: the node's own place. SentencePiece takes a node that is its own base for damage.
    """
    while True:
        for number in range(max(0, len(blocks) - OPEN), len(blocks)):
            block = blocks[number]
            if (base := block.fitting(labels, other_than - number * BLOCK)) is not None:
                block.bases ^= 1 << base
                for label in labels:
                    block.places ^= 1 << (base ^ label)
                return number * BLOCK + base
        blocks.append(_Block(places=ALL, bases=ALL))
