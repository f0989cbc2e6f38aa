"""Sentence pairs with scores, from whatever tab-separated table a user has: one reader for all of them.

Two dialects look alike until a field begins with a quote: CSV with tabs, where such a field is unquoted, and plain TSV,
where the quote is a letter of the sentence. Upstream KorSTS is plain, our tune files are CSV.
"""

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from kosbert.data.tables import SHOWN_LENGTH, STS_COLUMNS, TUNE_COLUMNS, shown
from kosbert.errors import KosbertError

Quotes = Literal["auto", "csv", "letters"]
Rows = Iterator[tuple[int, list[str]]]  # the line on which a row ends, and its fields


def read_pairs(
    path: Path, *, columns: tuple[str, ...] | None = None, quotes: Quotes = "auto"
) -> list[tuple[str, str, float]]:
    """Read a table of sentence pairs with scores, on any scale.

    Args:
        path: a tab-separated UTF-8 table. With a header, its columns stand in any order, and others are left out.
            Without one, they are sentence, sentence, score. A BOM, Windows' line ends and blank lines do not matter.
        columns: the names of the three columns, if they are others than sentence1, sentence2 and score.
        quotes: whether a field that begins with a quote is `csv`, quoted, or has quotes that are `letters`. `auto`
            takes them for letters under the header of upstream KorSTS, and for CSV elsewhere.

    Raises:
        KosbertError: the file is not such a table; the message says where, and what was found there.
    """
    try:
        with utf8(path), path.open(encoding="utf-8-sig", newline="\n") as file:
            pairs = list(_pairs(path, file, columns, quotes))
    except csv.Error as error:
        raise KosbertError(
            f"{path}: {error}; if quotes are letters in this file, say so with --quotes letters"
        ) from error
    if not pairs:
        raise KosbertError(f"{path}: no pairs in it")
    return pairs


@contextmanager
def utf8(path: Path) -> Iterator[None]:
    """Turn the failure to read a file as UTF-8 into a clear error."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise KosbertError(
            f"{path}: not UTF-8 text ({error.reason}); if it is text, convert it, as with `iconv -f cp949 -t utf-8`"
        ) from error


def swallowed(fields: list[str]) -> bool:
    """Return whether a quote that was a letter has swallowed the lines up to the next one.

    That can leave the right number of columns.
    """
    return any("\t" in field and "\n" in field for field in fields)


def _pairs(
    path: Path, file: TextIO, columns: tuple[str, ...] | None, quotes: Quotes
) -> Iterator[tuple[str, str, float]]:
    first = file.readline()
    file.seek(0)
    letters = quotes == "letters" or (quotes == "auto" and tuple(first.rstrip("\r\n").split("\t")) == STS_COLUMNS)
    rows = _plain(file) if letters else _quoted(file)
    number, top = next(rows, (1, []))
    width, places = len(top), _places(top, columns or TUNE_COLUMNS)
    if places is None and columns is None and width == len(TUNE_COLUMNS) and _number(top[-1]) is not None:
        places = [*range(width)]  # no header
        yield _pair(path, number, top)
    if places is None:
        raise KosbertError(
            f"{path}, line {number}: expected a header with the columns {', '.join(columns or TUNE_COLUMNS)} "
            f"(--columns names others), or sentence, sentence and score without a header; found {shown(top)}"
        )
    for number, fields in rows:
        if len(fields) != width:
            raise KosbertError(f"{path}, line {number}: {len(fields)} columns instead of {width}: {shown(fields)}")
        yield _pair(path, number, [fields[place] for place in places])


def _plain(file: TextIO) -> Rows:
    for number, line in enumerate(file, start=1):
        if text := line.rstrip("\r\n"):
            yield number, text.split("\t")


def _quoted(file: TextIO) -> Rows:
    reader = csv.reader(file, delimiter="\t", strict=True)
    for fields in reader:
        if swallowed(fields):
            raise csv.Error(f"a quoted field that ends on line {reader.line_num} holds tabs and line breaks")
        if fields:
            yield reader.line_num, fields


def _places(header: list[str], columns: tuple[str, ...]) -> list[int] | None:
    names = [name.strip() for name in header]
    return [names.index(column) for column in columns] if all(names.count(name) == 1 for name in columns) else None


def _pair(path: Path, number: int, fields: list[str]) -> tuple[str, str, float]:
    sentence1, sentence2, text = fields
    if not (sentence1.strip() and sentence2.strip()):
        raise KosbertError(f"{path}, line {number}: a sentence is empty")
    if (score := _number(text)) is None:
        raise KosbertError(f"{path}, line {number}: score {text[:SHOWN_LENGTH]!r} is no number")
    return sentence1, sentence2, score


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
