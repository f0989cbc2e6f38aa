"""Sentence pairs with scores, from whatever tab-separated table a user has: one reader for all of them.

Two dialects look alike until a field begins with a quote: CSV with tabs, where such a field is quoted, and plain TSV,
where the quote is a letter of the sentence. Upstream KorSTS is plain, our tune files are CSV.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from kosbert.data.tables import PREVIEW_LENGTH, STS_COLUMNS, TUNE_COLUMNS, preview
from kosbert.errors import KosbertError
from kosbert.readers.text_files import Quotes, Rows, csv_rows, open_text


def read_pairs(
    path: Path, *, columns: tuple[str, ...] | None = None, quotes: Quotes = "auto"
) -> list[tuple[str, str, float]]:
    """Read a table of sentence pairs with scores, on any scale.

    Args:
        path: a tab-separated UTF-8 table. With a header, its columns may be in any order, and others are ignored.
            Without one, they are sentence, sentence, score. A BOM, Windows' line ends and blank lines do not matter.
        columns: the names of the three columns; sentence1, sentence2 and score if None.
        quotes: whether a field that begins with a quote is quoted (`csv`), or the quote is a letter (`letters`).
            `auto` is `letters` under the header of upstream KorSTS, and `csv` elsewhere.

    Raises:
        KosbertError: the file is not such a table; the message says where, and what was found there.
    """
    with open_text(path, newline="\n") as file:
        pairs = list(_pairs(path, file, columns, quotes))
    if not pairs:
        raise KosbertError(f"{path}: no pairs in it")
    return pairs


def _pairs(
    path: Path, file: TextIO, columns: tuple[str, ...] | None, quotes: Quotes
) -> Iterator[tuple[str, str, float]]:
    first = file.readline()
    file.seek(0)
    letters = quotes == "letters" or (quotes == "auto" and tuple(first.rstrip("\r\n").split("\t")) == STS_COLUMNS)
    rows = (row for row in (_plain_rows(file) if letters else csv_rows(path, file, delimiter="\t")) if row[1])
    number, top = next(rows, (1, []))
    width, indices = len(top), _column_indices(top, columns or TUNE_COLUMNS)
    if indices is None and columns is None and width == len(TUNE_COLUMNS) and _number(top[-1]) is not None:
        indices = [*range(width)]  # no header
        yield _pair(path, number, top)
    if indices is None:
        raise KosbertError(
            f"{path}, line {number}: expected a header with the columns {', '.join(columns or TUNE_COLUMNS)} "
            f"(--columns names others), or sentence, sentence and score without a header; found {preview(top)}"
        )
    for number, fields in rows:
        if len(fields) != width:
            raise KosbertError(f"{path}, line {number}: {len(fields)} columns instead of {width}: {preview(fields)}")
        yield _pair(path, number, [fields[index] for index in indices])


def _plain_rows(file: TextIO) -> Rows:
    for number, line in enumerate(file, start=1):
        text = line.rstrip("\r\n")
        yield number, text.split("\t") if text else []


def _column_indices(header: list[str], columns: tuple[str, ...]) -> list[int] | None:
    names = [name.strip() for name in header]
    return [names.index(column) for column in columns] if all(names.count(name) == 1 for name in columns) else None


def _pair(path: Path, number: int, fields: list[str]) -> tuple[str, str, float]:
    sentence1, sentence2, text = fields
    if not (sentence1.strip() and sentence2.strip()):
        raise KosbertError(f"{path}, line {number}: a sentence is blank")
    if (score := _number(text)) is None:
        raise KosbertError(f"{path}, line {number}: score {text[:PREVIEW_LENGTH]!r} is no number")
    return sentence1, sentence2, score


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
