"""Text tables: which character separates their columns, and what a quote in them means."""

import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from kosbert.data.tables import STS_COLUMNS, preview
from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import MAX_LENGTH, Quotes, ReadError, Tell
from kosbert.readers.sources import Source
from kosbert.readers.table import Row, Table

Rows = Iterator[tuple[int, list[str]]]

SAMPLE_ROWS = 100  # rows that have to agree about the delimiter
DELIMITERS = {"\t": "tabs", ",": "','", ";": "';'", "|": "'|'"}
FIRST_LINE = 1_000  # characters; more than the header of KorSTS has
NONE = "\0"  # separates nothing, for no text holds it
QUOTES_HINT = "if quotes are letters in this file, use --quotes letters"
MALFORMED = {  # what Python's messages hold, and what we say
    "row limit": f"a row of more than {MAX_LENGTH:,} characters, as when a quote is never closed",
    "unexpected end": "a quote is never closed",
    "expected after": "a field continues after its closing quote",
}


def open_delimited(source: Source, quotes: Quotes, *, header: bool, tell: Tell) -> Table:
    """Open a text table.

    Args:
        source: a file; the delimiter of CSV is the comma, that of others the tab, unless another one fits alone.
        quotes: the meaning of quotes, see `Layout`.
        header: whether the first row is expected to name the columns.
        tell: takes a line if the delimiter is another one.

    Raises:
        KosbertError: several delimiters fit.
    """
    letters = quotes == "letters" or (quotes == "auto" and _is_upstream(source))
    split = partial(_split, source, letters=letters)
    delimiter = _find_delimiter(source, split, header=header, tell=tell)
    top = next((fields for _, fields in split(delimiter) if fields or delimiter == NONE), [])
    return Table(source.name, top, named=False, read=partial(_read, source, partial(split, delimiter), len(top) or 1))


def _is_upstream(source: Source) -> bool:
    """Return whether a file has the header of upstream KorSTS, in which quotes are letters."""
    with source.open_text(newline=None) as file:
        return tuple(file.readline(FIRST_LINE).rstrip("\n").split("\t")) == STS_COLUMNS


def _find_delimiter(source: Source, split: Callable[[str], Rows], *, header: bool, tell: Tell) -> str:
    own = "," if source.format == "csv" else "\t"
    others = [delimiter for delimiter in DELIMITERS if delimiter != own]
    samples = {delimiter: _sample(split(delimiter)) for delimiter in (own, *others)}
    if _agree(samples[own]):
        return own
    fitting = [delimiter for delimiter in others if _agree(samples[delimiter])]
    if len(fitting) > 1:
        found = " or ".join(DELIMITERS[delimiter] for delimiter in fitting)
        raise KosbertError(
            f"{source.name}: columns may be separated by {found}; separate them by commas (.csv) or tabs (.tsv)"
        )
    rows = samples[own]
    if not fitting and (rows is None or (header and rows and len(rows[0]) > 1)):
        return own  # reading says where the table is malformed
    if not fitting and header:  # here, too
        fitting = [delimiter for delimiter in others if _follow_header(samples[delimiter])]
    if fitting:
        tell(f"{source.name}: columns are separated by {DELIMITERS[fitting[0]]}")
        return fitting[0]
    if any(len(fields) > 1 for fields in rows or []):
        tell(f"{source.name}: read as one column, because the rows differ in their number of {DELIMITERS[own]}")
    return NONE


def _sample(rows: Rows) -> list[list[str]] | None:
    """Return the first rows that are not blank; None if their quotes are malformed, as with a wrong delimiter."""
    try:
        return [*islice((fields for _, fields in rows if fields), SAMPLE_ROWS)]
    except ReadError:
        return None


def _agree(rows: list[list[str]] | None) -> bool:
    """Return whether rows have several columns, all of them the same number."""
    widths = {len(fields) for fields in rows or []}
    return len(widths) == 1 and widths != {1}


def _follow_header(rows: list[list[str]] | None) -> bool:
    """Return whether the first row has several columns, and most others the same number."""
    widths = [len(fields) for fields in rows or []]
    return len(widths) > 1 and widths[0] > 1 and 2 * widths.count(widths[0]) > len(widths)


def _read(source: Source, split: Callable[[], Rows], width: int, chosen: Sequence[int]) -> Iterator[Row]:
    for line, fields in split():
        if not fields and width > 1:
            continue  # a blank line
        cells = fields or [""]
        if len(cells) != width:
            raise KosbertError(f"{source.name}, line {line}: {len(cells)} columns instead of {width}: {preview(cells)}")
        yield f"line {line}", [cells[index] for index in chosen]


def _split(source: Source, delimiter: str, *, letters: bool) -> Rows:
    """Yield the line on which a row ends, and its fields; a blank line has none.

    Raises:
        ReadError: the quotes of a field are malformed, or seem to be letters.
    """
    length = 0  # of the row so far

    def lines() -> Iterator[str]:
        nonlocal length
        for line in source.lines(newline=""):
            length += len(line)
            if length > MAX_LENGTH:
                raise csv.Error("row limit")
            yield line

    reader = csv.reader(
        lines(), delimiter=delimiter, strict=True, quoting=csv.QUOTE_NONE if letters else csv.QUOTE_MINIMAL
    )
    try:
        for fields in _with_large_fields(reader):
            length = 0
            if delimiter == "\t":
                _check_quotes(fields)
            yield reader.line_num, fields
    except csv.Error as error:
        found = next((text for part, text in MALFORMED.items() if part in str(error)), one_line(error))
        raise ReadError(f"{source.name}, line {reader.line_num}: {found}", hint=QUOTES_HINT) from error


def _with_large_fields(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows under our own limit of a field's size; between rows, the process has the one it had."""
    fields: list[str] | None = []
    while fields is not None:
        others = csv.field_size_limit(MAX_LENGTH)  # Python's 131,072 are fewer than those of a long article
        try:
            fields = next(reader, None)
        finally:
            csv.field_size_limit(others)
        if fields is not None:
            yield fields


def _check_quotes(fields: list[str]) -> None:
    """Check that no quote that was a letter has swallowed the lines up to the next quote.

    That can leave the right number of columns.
    """
    if any("\t" in field and "\n" in field for field in fields):
        raise csv.Error("a quoted field contains tabs and line breaks")
