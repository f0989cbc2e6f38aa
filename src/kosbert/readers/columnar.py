"""Parquet, read in batches of rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import ERROR_LENGTH
from kosbert.readers.sources import Source, check_unpacked, naming
from kosbert.readers.table import NAME_LENGTH, Row, Table

BATCH_ROWS = 64  # as fast as thousands; a small file can repeat a text of megabytes in each of its rows
BATCH_BYTES = 1 << 31  # that these rows may come to


def open_parquet(source: Source) -> Table:
    """Open a Parquet file.

    Raises:
        KosbertError: it is none that can be read, or unpacks to far more than `max_bytes`.
    """
    with _opened(source) as file:
        groups = range(file.metadata.num_row_groups)
        check_unpacked(source, sum(file.metadata.row_group(group).total_byte_size for group in groups))
        names = [*file.schema_arrow.names]
    return Table(source.name, names, named=True, read=partial(_read, source, names))


def _read(source: Source, names: list[str], chosen: Sequence[int]) -> Iterator[Row]:
    from pyarrow import types  # noqa: PLC0415 - slow to import, and other files need none of it

    columns, number = [names[index] for index in chosen], 0
    with _opened(source) as file:
        for name, kind in ((names[index], file.schema_arrow.field(index).type) for index in chosen):
            if types.is_nested(kind):  # it is refused unread, for each of its cells may have billions of numbers
                found = f"column {name[:NAME_LENGTH]!r} holds {one_line(kind, NAME_LENGTH)}"
                raise KosbertError(f"{source.name}: {found}; expected texts or numbers")
        for batch in file.iter_batches(batch_size=_batch_rows(file, columns), columns=[*dict.fromkeys(columns)]):
            for cells in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                number += 1
                yield f"row {number}", cells


def _batch_rows(file: Any, columns: list[str]) -> int:  # noqa: ANN401 - pyarrow's
    """Return how many rows can be read at once, if each has the longest text that its column may have."""
    groups = (file.metadata.row_group(number) for number in range(file.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    largest = max((chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in columns), default=1)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, largest)))


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    import pyarrow  # noqa: PLC0415 - slow to import, and other files need none of it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        with naming(source.name), source.path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            yield file
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the file cannot be read at all
            raise
        raise KosbertError(f"{source.name}: not a readable Parquet file: {one_line(error, ERROR_LENGTH)}") from error
