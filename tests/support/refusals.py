"""What every refusal must be, whatever the input: a `KosbertError` of one line that a person can read."""

import unicodedata

from kosbert.errors import KosbertError

MAX_LENGTH = 1_000  # characters of a line


def read_or_refused(read, *arguments, **options):
    """Return what a reader makes of its input; None if the reader refuses it properly."""
    try:
        return read(*arguments, **options)
    except KosbertError as error:
        check_line(error.format_message())
        return None


def check_line(message):
    assert 0 < len(message) < MAX_LENGTH, f"{len(message):,} characters: {message[:MAX_LENGTH]!r}"
    assert len(message.splitlines()) == 1, f"several lines: {message!r}"
    hidden = [letter for letter in message.replace("\t", "") if unicodedata.category(letter) in ("Cc", "Cs")]
    assert not hidden, f"characters that show as nothing or move the cursor: {message!r}"
