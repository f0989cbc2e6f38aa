"""Strings to compare tokenizers on: of every kind of character, long words, and spellings of special tokens."""

import random
import sys
import unicodedata
from collections import defaultdict

import pytest

COUNTS = (2_000, pytest.param(100_000, marks=pytest.mark.exhaustive))
SPECIAL = (
    *("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "_", "__", "##", "▁", "<s>", "</s>", "<unk>", "\r\n", "  ", "..."),
    *(
        "ㅋㅋㅋㅋㅋ",
        "ㅠㅠ",
        "1,234.5",
        "don't",
        "C++",
        "👨‍👩‍👧‍👦",
        "🇰🇷",
        "❤️",
        "👍🏽",
        "1️⃣",
        "각",
        "ᄀ",
        "é",
        "ｶﾞ",
        "ﬁ",
        "①",
        "㈜",
        "…",
    ),
)


def fuzzed(count, seed=1):
    """Yield strings: mixtures, words of 99 to 102 characters, spaces at either end.

    The same seed gives the same strings under the same version of Unicode, which depends on Python's version.
    """
    rng = random.Random(seed)  # noqa: S311 - the same strings each time
    kinds = [*_characters().values(), SPECIAL]
    for number in range(count):
        if number % 50 == 0:
            alphabet = rng.choice(kinds)
            words = ["".join(rng.choice(alphabet) for _ in range(rng.randint(99, 102)))[: rng.randint(99, 102)]]
        else:
            mixed = rng.sample(kinds, rng.randint(1, 4))
            words = [_word(rng, mixed) for _ in range(rng.randint(0, 6))]
        yield (
            rng.choice(["", " ", "\u3000"])
            + rng.choice([" ", " ", "  ", "\t", "\u00a0"]).join(words)
            + rng.choice(["", " ", "\n"])
        )


def _word(rng, kinds):
    alphabet = rng.choice(kinds)
    return "".join(rng.choice(rng.choice([alphabet, alphabet, rng.choice(kinds)])) for _ in range(rng.randint(1, 8)))


def _characters():
    """Return all of Unicode's characters by kind; all kinds are equally likely, however few characters they have."""
    kinds = defaultdict(list)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        name = unicodedata.name(character, "")
        if category in ("Cs", "Cn", "Co"):
            continue
        script = next((part for part in ("HANGUL SYLLABLE", "HANGUL", "CJK", "LATIN") if name.startswith(part)), "")
        kinds[script if category.startswith("L") else category].append(character)
    kinds["ascii"] = [chr(code) for code in range(0x20, 0x7F)]
    kinds["digits"] = list("0123456789")
    kinds["hard"] = [
        "\0",
        "\ufffd",
        "\u3000",
        "\xa0",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\x7f",
        "\x85",
        "\u2028",
        "\ue000",
        "\u0378",
    ]
    return kinds
