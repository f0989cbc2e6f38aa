"""Parquet, read in batches of rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import ERROR_LENGTH
from kosbert.readers.sources import Source, check_unpacked
from kosbert.readers.table import Row, Table

BATCH_ROWS = 4_096


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
    columns, number = [names[index] for index in chosen], 0
    with _opened(source) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[*dict.fromkeys(columns)]):
            for cells in zip(*(batch.column(column).to_pylist() for column in columns), strict=True):
                number += 1
                yield f"row {number}", cells


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    import pyarrow  # noqa: PLC0415 - slow to import, and other files need none of it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        with source.path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            yield file
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the file cannot be read at all
            raise
        raise KosbertError(
            f"{source.name}: no Parquet file that we can read: {one_line(error, ERROR_LENGTH)}"
        ) from error
