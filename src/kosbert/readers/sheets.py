"""XLSX: the rows of a workbook's first sheet, as Excel shows them."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import repeat
from typing import Any
from zipfile import ZipFile

from kosbert.errors import KosbertError, needs_extra, one_line
from kosbert.readers.layout import ERROR_LENGTH, Tell
from kosbert.readers.sources import OLE, Source, check_unpacked
from kosbert.readers.table import Row, Table

Cells = Sequence[Any]  # openpyxl's

DIGITS = 15  # of a number, as many as Excel keeps
MAX_ROWS = 1 << 20  # of a sheet, as many as Excel has
FORMULA = re.compile(rb"<(\w+:)?f[\s/>]")


def open_sheet(source: Source, *, tell: Tell) -> Table:
    """Open a workbook.

    Args:
        source: the file.
        tell: takes a line if the workbook has several sheets, of which the first is read.

    Raises:
        KosbertError: openpyxl is not installed, or the file is no workbook that can be read, or unpacks to far more
            than `max_bytes`.
    """
    with _opened(source) as book:
        if len(book.worksheets) > 1:
            tell(f"{source.name}: read the first sheet, {book.worksheets[0].title!r}, of {len(book.worksheets)}")
        first = next((cells for _, cells in _rows(book) if _width(cells)), [])
        top = [_shown(cell.value) or "" for cell in first[: _width(first)]]
    return Table(source.name, top, named=False, read=partial(_read, source, len(top) or 1))


def _read(source: Source, width: int, chosen: Sequence[int]) -> Iterator[Row]:
    """Yield the rows from the first that is not blank to the last.

    With one column, a blank row between them is a blank text; with several, it is no row.
    """
    blank: list[int] = []
    started = False
    for number, cells, formulas in _rows_with_formulas(source):
        for index in chosen:
            if _has_no_value(cells[index : index + 1], formulas[index : index + 1]):
                raise KosbertError(
                    f"{source.name}, row {number}: a formula without a stored value; open the file in Excel and save it"
                )
        found = _width(cells)
        if not found:
            if started and width == 1:
                blank.append(number)
            continue
        if found > width:
            raise KosbertError(f"{source.name}, row {number}: {found} columns instead of {width}")
        yield from ((f"row {row}", [None]) for row in blank)
        blank, started = [], True
        yield f"row {number}", [_text(source, number, cells[index]) if index < found else None for index in chosen]


def _rows(book: Any) -> Iterator[tuple[int, Cells]]:  # noqa: ANN401 - openpyxl's
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # some programs write wrong ones
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > MAX_ROWS:  # openpyxl gives each row that a file leaves out, up to whatever number it names next
            raise ValueError(f"more than {MAX_ROWS:,} rows")
        yield number, cells


def _rows_with_formulas(source: Source) -> Iterator[tuple[int, Cells, Cells]]:
    """Yield the rows with the values of their cells, and again with formulas in place of values, if there are any."""
    with ExitStack() as stack:
        book = stack.enter_context(_opened(source))
        formulas: Iterator[tuple[int, Cells]] = repeat((0, ()))
        if _has_formulas(source):
            formulas = _rows(stack.enter_context(_opened(source, values=False)))
        for (number, cells), (_, written) in zip(_rows(book), formulas, strict=False):
            yield number, cells, written


def _has_formulas(source: Source) -> bool:
    with ZipFile(source.path) as archive:
        for name in archive.namelist():
            if "worksheets" in name:
                with archive.open(name) as file:
                    before = b""
                    while chunk := file.read(1 << 20):
                        if FORMULA.search(before + chunk):
                            return True
                        before = chunk[-20:]
    return False


def _has_no_value(cell: Cells, formula: Cells) -> bool:
    """Return whether a cell has a formula that no program has computed: it would pass for a blank one."""
    return any(one.data_type == "f" for one in formula) and all(
        one.value is None and one.data_type == "n" for one in cell
    )


def _width(cells: Cells) -> int:
    """Return the number of columns up to the last cell that holds something."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].value is not None), 0)


def _text(source: Source, row: int, cell: Any) -> str | None:  # noqa: ANN401 - openpyxl's
    value = cell.value
    if cell.data_type == "e":
        found = f"Excel's error {value}"
    elif isinstance(value, bool):
        found = "true or false"
    elif isinstance(value, str | int | float | None):
        return _shown(value)
    else:
        found = "a date or time"
    raise KosbertError(f"{source.name}, row {row}: {found}; expected a text or a number")


def _shown(value: object) -> str | None:
    """Return what Excel shows of a value: 3 for 3.0."""
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, str):
        from openpyxl.utils.escape import unescape  # noqa: PLC0415 - an extra

        return f"{unescape(value)}"
    return None if value is None else f"{value}"


@contextmanager
def _opened(source: Source, *, values: bool = True) -> Iterator[Any]:
    """Open a workbook with the values of formulas, or with the formulas themselves."""
    with needs_extra("xlsx", f"{source.name}: XLSX"):
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra
    with source.path.open("rb") as file:
        if file.read(len(OLE)) == OLE:
            raise KosbertError(
                f"{source.name}: encrypted, or not XLSX but an older format; save it as .xlsx without a password"
            )
        try:
            with ZipFile(file) as archive:
                check_unpacked(source, sum(entry.file_size for entry in archive.infolist()))
            with warnings.catch_warnings(action="ignore"):  # about styles, say, which we do not need
                book = load_workbook(file, read_only=True, data_only=values)
            yield book
        except KosbertError:
            raise
        except Exception as error:  # openpyxl fails at whatever a damaged file makes it stumble over
            raise KosbertError(f"{source.name}: not a readable XLSX file: {one_line(error, ERROR_LENGTH)}") from error
