"""What a refusal has to be, whatever the input: a `KosbertError` of one line that a person can read."""

import unicodedata

from kosbert.errors import KosbertError

LONGEST = 1_000  # characters of a line


def read_or_refused(read, *arguments, **options):
    """Return what a reader makes of its input; None if it refuses it as it should."""
    try:
        return read(*arguments, **options)
    except KosbertError as error:
        check_line(error.message)
        return None


def check_line(message):
    assert 0 < len(message) < LONGEST, f"{len(message):,} characters: {message[:LONGEST]!r}"
    assert len(message.splitlines()) == 1, f"several lines: {message!r}"
    hidden = [letter for letter in message.replace("\t", "") if unicodedata.category(letter) in ("Cc", "Cs")]
    assert not hidden, f"characters that show as nothing or move the cursor: {message!r}"
