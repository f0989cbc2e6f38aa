"""Which reader opens which format."""

from kosbert.readers.columnar import open_parquet
from kosbert.readers.delimited import open_delimited
from kosbert.readers.layout import Layout, Tell
from kosbert.readers.records import open_records
from kosbert.readers.sheets import open_sheet
from kosbert.readers.sources import Source
from kosbert.readers.table import Table


def open_table(source: Source, layout: Layout, tell: Tell) -> Table:
    """Open a file as a table; text is one with tabs or another delimiter.

    Args:
        source: the file.
        layout: what the user says of it.
        tell: takes a line for each thing that was found and not said.

    Raises:
        KosbertError: the file is not in its format.
    """
    if source.format in ("json", "jsonl"):
        return open_records(source)
    if source.format == "parquet":
        return open_parquet(source)
    if source.format == "xlsx":
        return open_sheet(source, tell=tell)
    return open_delimited(source, layout.quotes, header=layout.header, tell=tell)
