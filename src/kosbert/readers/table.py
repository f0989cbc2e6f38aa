"""What every format becomes: rows of cells below the names of columns, of which a reader chooses some."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from kosbert.data.tables import PREVIEW_LENGTH, parse_score
from kosbert.errors import KosbertError
from kosbert.readers.layout import MAX_TEXT, ReadError

Row = tuple[str, Sequence[object]]  # where a row is, such as "line 3", and cells of it

DEFAULT_COLUMNS = ("sentence", "text", "문장", "텍스트")  # what is read where no column is named
MAX_NAMES, NAME_LENGTH = 12, 40  # columns that an error names, and characters of each
MAX_IN_MEMORY = 1 << 32  # bytes of texts that are read into memory
SCORE_LENGTH = 1_000  # characters of a number; a Decimal of Parquet has 77
KINDS = (
    (bool, "true or false"),
    ((int, float, Decimal), "a number"),
    ((date, time), "a date"),
    (list, "a list"),
    (dict, "an object"),
)


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes:
        name: how messages name the file.
        top: the names of the columns if `named`, otherwise the first row. Empty if a row is nothing but a text.
        named: whether the format itself names the columns. Otherwise the first row may do so.
        read: yields all rows, with the cells of the columns of these indices.
    """

    name: str
    top: list[str]
    named: bool
    read: Callable[[Sequence[int]], Iterator[Row]]


def plain_name(name: str) -> str:
    """Return the name of a column as it is compared: without spaces around it, in Unicode's composed form."""
    return unicodedata.normalize("NFC", name).strip()


def choose_column(table: Table, names: list[str], column: str | None) -> int:
    """Return the index of the column with the texts.

    Args:
        table: the table.
        names: the names of its columns as `plain_name` gives them.
        column: the name of the column; if None, the only one, or else the first of `DEFAULT_COLUMNS` that there is.

    Raises:
        ReadError: there is no such column, or there are several.
    """
    if column is None and len(names) == 1:
        return 0
    wanted = (
        plain_name(column) if column is not None else next((name for name in DEFAULT_COLUMNS if name in names), None)
    )
    if wanted is not None and names.count(wanted) == 1:
        return names.index(wanted)
    if wanted is None:
        found = "several columns"
    else:
        found = f"{'several columns' if wanted in names else 'no column'} {wanted[:NAME_LENGTH]!r}"
    shown = [*(repr(name[:NAME_LENGTH]) for name in names[:MAX_NAMES]), *["…"] * (len(names) > MAX_NAMES)]
    hint = f"choose with --column one of {', '.join(shown) or 'none: the header is empty'}"
    if wanted is None and not table.named:
        hint += "; or, if these are texts, use --no-header"
    raise ReadError(f"{table.name}: {found}", hint=hint, columns=names)


def choose_numbers(table: Table, numbers: Sequence[str]) -> list[int]:
    """Return the indices of columns that have no names, and are told by their numbers from 1.

    Raises:
        ReadError: there is no such column.
    """
    width = max(1, len(table.top))
    for number in numbers:
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:NAME_LENGTH]) <= width):
            raise ReadError(
                f"{table.name}: no column {number[:NAME_LENGTH]!r} without a header",
                hint=f"columns are numbered from 1 to {width}",
            )
    return [int(number) - 1 for number in numbers]


def as_text(cell: object) -> str:
    """Return the text in a cell; an absent one is blank.

    Raises:
        ValueError: there is something else in it.
    """
    if cell is None:
        return ""
    if not isinstance(cell, str):
        raise ValueError(f"found {_kind(cell)}; expected a text")  # noqa: TRY004 - the reader adds where
    if len(cell) > MAX_TEXT:
        raise ValueError(f"a text of more than {MAX_TEXT:,} characters")
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text with a lone surrogate, which is not a character") from error
    return cell


def check_memory(name: str, size: int) -> None:
    """Check that texts fit in memory; a small file can unpack to more than any machine has.

    Args:
        name: how messages name the file.
        size: the bytes of the texts so far.

    Raises:
        KosbertError: they have more than `MAX_IN_MEMORY` bytes.
    """
    if size > MAX_IN_MEMORY:
        raise KosbertError(f"{name}: more than {MAX_IN_MEMORY:,} bytes of texts, too many to hold in memory")


def as_score(cell: object) -> float:
    """Return the number in a cell, written or not.

    Raises:
        ValueError: there is something else in it.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal | None):
        raise ValueError(f"found {_kind(cell)}; expected a score")  # noqa: TRY004 - the reader adds where
    text = "" if cell is None else f"{cell}"
    return parse_score(text if len(text) <= SCORE_LENGTH else f"{text[:SCORE_LENGTH]}…")


def _kind(cell: object) -> str:
    return next((kind for types, kind in KINDS if isinstance(cell, types)), f"{type(cell).__name__}"[:PREVIEW_LENGTH])


def refusal(table: Table, where: str, error: object) -> KosbertError:
    """Return the error for a row."""
    return KosbertError(f"{table.name}, {where}: {error}")
