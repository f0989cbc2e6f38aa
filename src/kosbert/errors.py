"""The one kind of error a user sees: a clear line, and no traceback."""

import click


class KosbertError(click.ClickException):
    """What went wrong, where, what was expected, and what to do about it."""


def one_line(text: object, max_length: int | None = None) -> str:
    """Return a text, or what an error says, on one line that a terminal or an SVG can show as it stands.

    Args:
        text: any text, or an error. Line breaks and control codes become spaces.
        max_length: the number of characters after which the line is cut with an ellipsis; unlimited if None.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if max_length is None or len(line) <= max_length else f"{line[: max_length - 1]}…"
