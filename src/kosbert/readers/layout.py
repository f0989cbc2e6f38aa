"""What users say of a file beyond its name, and how readers answer: with a line that tells, or with an error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kosbert.errors import KosbertError, one_line

Format = Literal["text", "tsv", "csv", "jsonl", "json", "parquet", "xlsx"]
Quotes = Literal["auto", "csv", "letters"]
Tell = Callable[[str], None]  # takes one line about something that was found, and that the user has not said

STANDARD_INPUT = Path("-")
ERROR_LENGTH = 200  # characters that are shown of what a library says
MAX_LENGTH = 10_000_000  # characters of a line, and of a row of a table
MAX_TEXT = 1_000_000  # characters of a text: as many as a novel has; a tokenizer takes nearly a kilobyte for each


@dataclass(frozen=True)
class Layout:
    """What a user says of a file beyond its name.

    Attributes:
        format: the file's format; the one that the name's ending says if None.
        header: whether the first row of a table names its columns. JSON and Parquet have names in any case.
        quotes: whether a field of a text table that begins with a quote is quoted (`csv`), or the quote is a letter
            (`letters`). `auto` is `letters` under the header of upstream KorSTS, and `csv` elsewhere.
        encoding: Python's name of the encoding of a text format; found in the file's bytes if None.
    """

    format: Format | None = None
    header: bool = True
    quotes: Quotes = "auto"
    encoding: str | None = None


AS_NAMED = Layout()  # nothing said: all is found


class ReadError(KosbertError):
    """A file cannot be read as asked: the message says what was found; the command line also shows the hint.

    Attributes:
        hint: what to do about it, in options of the command line.
        columns: the names of the table's columns, if another one of them may be meant.
    """

    def __init__(self, message: str, *, hint: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.hint, self.columns = hint, [*columns]

    def format_message(self) -> str:
        """Return what click shows."""
        return f"{self.message}; {self.hint}"


def ignore(_: str) -> None:
    """Take a line of `Tell`, and do nothing with it."""


def shown(path: Path) -> str:
    """Return how messages name a file."""
    return "standard input" if path == STANDARD_INPUT else one_line(path)
