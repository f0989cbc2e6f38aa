"""Sentences as they may be shown: neither line breaks nor codes that a terminal or an SVG would obey."""


def line(sentence: str) -> str:
    """Return a sentence as one line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in sentence).split())


def short(sentence: str, width: int) -> str:
    """Return a sentence as one line that fits."""
    whole = line(sentence)
    return whole if len(whole) <= width else f"{whole[: width - 1]}…"
