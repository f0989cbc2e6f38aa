"""Sentences as there is room for them: in a table, in a picture."""

from kosbert.errors import one_line


def short(sentence: str, width: int) -> str:
    """Return a sentence as one line that fits."""
    line = one_line(sentence)
    return line if len(line) <= width else f"{line[: width - 1]}…"
