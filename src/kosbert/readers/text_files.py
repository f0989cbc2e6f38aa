"""What the readers of text files share: UTF-8, the dialects of tables, and errors with a hint for the command line."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from kosbert.errors import KosbertError

Quotes = Literal["auto", "csv", "letters"]
Rows = Iterator[tuple[int, list[str]]]  # the line on which a row ends, and its fields
QUOTES_HINT = "if quotes are letters in this file, say --quotes letters"


class ReadError(KosbertError):
    """A file cannot be read as asked: the message says what was found; the command line also shows the hint."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def format_message(self) -> str:
        """Return what click shows."""
        return f"{self.message}; {self.hint}"


@contextmanager
def open_text(path: Path, newline: str | None) -> Iterator[TextIO]:
    """Open a UTF-8 file, with or without a BOM; `newline` is that of `open`.

    Raises:
        KosbertError: the block reads something that is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise KosbertError(
            f"{path}: not UTF-8 text ({error.reason}); if it is text, convert it, as with `iconv -f cp949 -t utf-8`"
        ) from error


def csv_rows(path: Path, file: TextIO, *, delimiter: str, quotes: Quotes = "csv") -> Rows:
    """Yield the rows of an open table; a blank line is a row without fields. Here, the quotes `auto` are those of CSV.

    Raises:
        ReadError: the quotes of a field are malformed, or seem to be letters.
    """
    reader = csv.reader(
        file, delimiter=delimiter, strict=True, quoting=csv.QUOTE_NONE if quotes == "letters" else csv.QUOTE_MINIMAL
    )
    try:
        for fields in reader:
            if delimiter == "\t":
                _check_quotes(fields)
            yield reader.line_num, fields
    except csv.Error as error:
        raise ReadError(f"{path}, line {reader.line_num}: {error}", hint=QUOTES_HINT) from error


def _check_quotes(fields: list[str]) -> None:
    """Check that no quote that was a letter has swallowed the lines up to the next quote.

    That can leave the right number of columns.
    """
    if any("\t" in field and "\n" in field for field in fields):
        raise csv.Error("a quoted field holds tabs and line breaks")
