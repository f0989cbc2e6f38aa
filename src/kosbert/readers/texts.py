"""Texts from whatever file a user has: lines, or a column of TSV, CSV or Parquet; one by one, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from kosbert.errors import KosbertError, one_line
from kosbert.readers.text_files import Quotes, ReadError, csv_rows, open_text

DELIMITERS = {".tsv": "\t", ".csv": ","}
PARQUET = ".parquet"
DEFAULT_COLUMNS = ("sentence", "text")  # what is read where no column is named
BATCH_ROWS = 4_096  # of a Parquet file
MAX_NAMES, NAME_LENGTH = 12, 40  # columns that an error names, and characters of each


def read_texts(path: Path, *, column: str | None = None, quotes: Quotes = "auto") -> Iterator[str]:
    """Read texts, one a row, in the order of the file, blank ones too, so that texts and rows stay side by side.

    A blank line of a text table with several columns, however, is not a row.

    Args:
        path: a file whose name ends in .tsv, .csv or .parquet is a table; in any other, each line is a text. Text is in
            UTF-8; a BOM and Windows' line ends do not matter.
        column: the column of a table; its only one, or else the one named sentence or text if None.
        quotes: whether a field of a text table that begins with a quote is quoted (`csv`, `auto`), or the quote is a
            letter (`letters`).

    Raises:
        KosbertError: the file is not such a file, or has no such column; the message says where.
        OSError: the file cannot be read.
    """
    if path.suffix.lower() == PARQUET:
        yield from _parquet(path, column)
        return
    delimiter = DELIMITERS.get(path.suffix.lower())
    if column is not None and delimiter is None:
        raise ReadError(f"{path}: each line is a text", hint="--column is for tables (.tsv, .csv, .parquet)")
    with open_text(path, newline=None if delimiter is None else "") as file:
        texts = (
            (line.rstrip("\n") for line in file)
            if delimiter is None
            else _table(path, file, delimiter, column=column, quotes=quotes)
        )
        for number, text in enumerate(texts, start=1):
            if "\0" in text:
                raise KosbertError(f"{path}, text {number}: a NUL character; this is no text file")
            yield text


def read_filled(path: Path, *, column: str | None = None, quotes: Quotes = "auto") -> list[str]:
    """Read the texts of a file that are not blank.

    Raises:
        KosbertError: the file cannot be read by `read_texts`, or has no such texts.
    """
    texts = [text for text in read_texts(path, column=column, quotes=quotes) if text.strip()]
    if not texts:
        raise KosbertError(f"{path}: no texts in it")
    return texts


def _table(path: Path, file: TextIO, delimiter: str, *, column: str | None, quotes: Quotes) -> Iterator[str]:
    rows = csv_rows(path, file, delimiter=delimiter, quotes=quotes)
    _, header = next(rows, (0, None))
    if header is None:
        raise KosbertError(f"{path}: expected a table whose first line names its columns; the file is empty")
    index, width = _column_index(path, header, column), len(header)
    for number, fields in rows:
        if not fields and width > 1:
            continue  # a blank line
        if len(fields or [""]) != width:
            raise KosbertError(f"{path}, line {number}: {len(fields)} columns instead of {width}")
        yield fields[index] if fields else ""


def _parquet(path: Path, column: str | None) -> Iterator[str]:
    import pyarrow  # noqa: PLC0415 - slow to import, and other files need none of it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        with path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            schema = file.schema_arrow
            name = schema.names[_column_index(path, schema.names, column)]
            kind = schema.field(name).type
            if not _is_text(kind, pyarrow.types):
                raise KosbertError(f"{path}: column {name} holds {kind}; expected text")
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[name]):
                yield from (text or "" for text in batch.column(0).to_pylist())
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the file cannot be read at all
            raise
        raise KosbertError(f"{path}: no Parquet file that we can read: {one_line(error)}") from error


def _is_text(kind: Any, types: Any) -> bool:  # noqa: ANN401 - pyarrow's
    if types.is_dictionary(kind):  # pandas writes categories so
        return _is_text(kind.value_type, types)
    return any(
        is_kind(kind) for is_kind in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    )


def _column_index(path: Path, names: list[str], column: str | None) -> int:
    if column is None and len(names) == 1:
        return 0
    wanted = column if column is not None else next((name for name in DEFAULT_COLUMNS if name in names), None)
    if wanted is not None and names.count(wanted) == 1:
        return names.index(wanted)
    if wanted is None:
        found = "several columns"
    else:
        found = f"{'several columns' if wanted in names else 'no column'} {wanted[:NAME_LENGTH]!r}"
    shown = [*(repr(name[:NAME_LENGTH]) for name in names[:MAX_NAMES]), *["…"] * (len(names) > MAX_NAMES)]
    raise ReadError(
        f"{path}: {found}", hint=f"choose with --column one of {', '.join(shown) or 'none: the header is empty'}"
    )
