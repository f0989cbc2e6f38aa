"""Texts from whatever file a user has: lines, or a column of TSV, CSV or Parquet; one by one, in bounded memory."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyarrow
from pyarrow import parquet

from kosbert.readers.pairs import Quotes, swallowed, utf8
from kosbert.errors import KosbertError, one_line

DELIMITERS = {".tsv": "\t", ".csv": ","}
PARQUET = ".parquet"
USUAL = ("sentence", "text")  # columns that are meant where none is named
ROWS = 4_096  # of a Parquet file at once
SHOWN = 12  # columns that an error names
LETTERS = "if quotes are letters in this file, say --quotes letters"


class TextsError(KosbertError):
    """What is wrong in a file of texts: what was `found`, and advice for who is at the command line."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}; {advice}")
        self.found = found


def read_texts(path: Path, *, column: str | None = None, quotes: Quotes = "auto") -> Iterator[str]:
    """Read texts, one a row, in the order of the file, blank ones too, so that texts and rows stay side by side.

    But a blank line in a table as text with several columns is no row.

    Args:
        path: a file whose name ends in .tsv, .csv or .parquet is a table; in any other, each line is a text. Text is in
            UTF-8; a BOM and Windows' line ends do not matter.
        column: of a table; if None, its only one, or else the one named sentence or text.
        quotes: in a table as text, whether a field that begins with a quote is `csv`, quoted, or has quotes that are
            `letters`. `auto` is `csv`.

    Raises:
        KosbertError: the file is not such a file, or has no such column; the message says where.
        OSError: the file cannot be read.
    """
    if path.suffix.lower() == PARQUET:
        yield from _parquet(path, column)
        return
    delimiter = DELIMITERS.get(path.suffix.lower())
    if column is not None and delimiter is None:
        raise KosbertError(f"{path}: --column is for tables (.tsv, .csv, .parquet); in this file each line is a text")
    with utf8(path), path.open(encoding="utf-8-sig", newline=None if delimiter is None else "") as file:
        texts = _lines(file) if delimiter is None else _table(path, file, delimiter, column, quotes)
        for number, text in enumerate(texts, start=1):
            if "\0" in text:
                raise KosbertError(f"{path}, text {number}: a NUL character; this is no text file")
            yield text


def read_filled(path: Path, *, column: str | None = None, quotes: Quotes = "auto") -> list[str]:
    """Read the texts of a file that are not blank.

    Raises:
        KosbertError: as `read_texts`; or there is none.
    """
    texts = [text for text in read_texts(path, column=column, quotes=quotes) if text.strip()]
    if not texts:
        raise KosbertError(f"{path}: no texts in it")
    return texts


def _lines(file: TextIO) -> Iterator[str]:
    return (line.rstrip("\n") for line in file)


def _table(path: Path, file: TextIO, delimiter: str, column: str | None, quotes: Quotes) -> Iterator[str]:
    reader = csv.reader(
        file, delimiter=delimiter, strict=True, quoting=csv.QUOTE_NONE if quotes == "letters" else csv.QUOTE_MINIMAL
    )
    place, width = None, 0
    try:
        for fields in reader:
            if place is None:
                place, width = _place(path, fields, column), len(fields)
                continue
            if not fields and width > 1:
                continue  # a blank line
            if len(fields or [""]) != width:
                raise KosbertError(f"{path}, line {reader.line_num}: {len(fields)} columns instead of {width}")
            if delimiter == "\t" and swallowed(fields):
                raise TextsError(f"{path}, line {reader.line_num}: a quoted field holds tabs and line breaks", LETTERS)
            yield fields[place] if fields else ""
    except csv.Error as error:
        raise TextsError(f"{path}, line {reader.line_num}: {error}", LETTERS) from error
    if place is None:
        raise KosbertError(f"{path}: expected a table whose first line names its columns; the file is empty")


def _parquet(path: Path, column: str | None) -> Iterator[str]:
    try:
        with path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            schema = file.schema_arrow
            name = schema.names[_place(path, schema.names, column)]
            kind = schema.field(name).type
            if not _is_text(kind):
                raise KosbertError(f"{path}: column {name} holds {kind}; expected text")
            for batch in file.iter_batches(batch_size=ROWS, columns=[name]):
                yield from (text or "" for text in batch.column(0).to_pylist())
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the file cannot be read at all
            raise
        raise KosbertError(f"{path}: no Parquet file that we can read: {one_line(error)}") from error


def _is_text(kind: pyarrow.DataType) -> bool:
    types = pyarrow.types
    if types.is_dictionary(kind):  # as pandas writes categories
        return _is_text(kind.value_type)
    return any(
        is_kind(kind) for is_kind in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    )


def _place(path: Path, names: list[str], column: str | None) -> int:
    if column is None and len(names) == 1:
        return 0
    wanted = [column] if column is not None else [name for name in USUAL if name in names][:1]
    if len(wanted) == 1 and names.count(wanted[0]) == 1:
        return names.index(wanted[0])
    shown = ", ".join([*(repr(name[:40]) for name in names[:SHOWN]), *["…"] * (len(names) > SHOWN)])
    found = f"no column {column[:40]!r}" if column is not None else "several columns"
    if wanted and names.count(wanted[0]) > 1:
        found = f"several columns {wanted[0][:40]!r}"
    raise TextsError(f"{path}: {found}", f"choose with --column one of {shown or 'none: the header is empty'}")
