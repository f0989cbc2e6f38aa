"""Texts from whatever file a user has: lines, or a column of a table; as often as one likes, in bounded memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from sys import getsizeof

from kosbert.data.tables import is_blank
from kosbert.errors import KosbertError
from kosbert.readers.delimited import DELIMITERS
from kosbert.readers.formats import open_table
from kosbert.readers.layout import AS_NAMED, Layout, ReadError, Tell, ignore
from kosbert.readers.sources import Source, open_source
from kosbert.readers.table import (
    DEFAULT_COLUMNS,
    NAME_LENGTH,
    Row,
    Table,
    as_text,
    check_memory,
    choose_column,
    choose_numbers,
    plain_name,
    refusal,
)

__all__ = ["DEFAULT_COLUMNS", "Texts", "is_blank", "open_texts", "read_filled", "read_numbered"]

# Names that the one column of a table often has. Any other word may be a name or a text.
USUAL_NAMES = frozenset(
    {
        *DEFAULT_COLUMNS,
        "sentence1",
        "sentences",
        "texts",
        "content",
        "contents",
        "document",
        "review",
        "comment",
        "query",
    }
    | {"question", "answer", "title", "body", "내용", "본문", "질문", "답변", "제목", "리뷰", "댓글", "후기", "문서"}
)


@dataclass(frozen=True)
class Texts:
    """The texts of a file: each iteration reads it anew, from the first row on.

    Attributes:
        name: how messages name the file.
        columns: the names of the table's columns; empty for text, and for a table without a header.
        read: yields the texts of all rows, blank ones too, so that texts and rows stay side by side.
    """

    name: str
    columns: list[str]
    read: Callable[[], Iterator[str]]

    def __iter__(self) -> Iterator[str]:
        return self.read()

    def filled(self) -> Iterator[tuple[int, str]]:
        """Yield the texts that are not blank, each after the number of its row, counted from 1."""
        return ((row, text) for row, text in enumerate(self, start=1) if not is_blank(text))


@contextmanager
def open_texts(
    path: Path,
    *,
    column: str | None = None,
    layout: Layout = AS_NAMED,
    tell: Tell = ignore,
    max_bytes: int | None = None,
) -> Iterator[Texts]:
    """Open a file of texts, one a row, until the block ends.

    Args:
        path: a file, a pipe, or `-` for standard input. It may be compressed with gzip or Zstandard. Its ending says
            what it is: .tsv, .csv, .jsonl, .json, .parquet or .xlsx; in any other file, each line is a text.
        column: the column of a table; its only one, or else the one named sentence, text, 문장 or 텍스트 if None.
            Without a header, the number of the column from 1.
        layout: what else the user says of the file.
        tell: takes a line for each thing that was found and not said.
        max_bytes: the number of bytes that the file may have, unpacked; unlimited if None.

    Raises:
        KosbertError: the file is not such a file, or has no such column; the message says where. Reading raises it for
            a row further down that does not fit.
        OSError: the file cannot be read.
    """
    with open_source(path, layout=layout, tell=tell, max_bytes=max_bytes) as source:
        if source.format == "text":
            table = Table(source.name, [], named=True, read=lambda _: _lines(source))
        else:
            table = open_table(source, layout, tell)
        header = table.named or layout.header
        index, names = _choose(table, column, header=header, tell=tell)
        texts = Texts(source.name, names, partial(_texts, table, index, skipped=int(header and not table.named)))
        next(iter(texts), None)  # what is wrong with all rows is better known now
        yield texts


def read_filled(path: Path, *, column: str | None = None, layout: Layout = AS_NAMED, tell: Tell = ignore) -> list[str]:
    """Read the texts of a file that are not blank.

    Raises:
        KosbertError: see `read_numbered`.
    """
    return [*read_numbered(path, column=column, layout=layout, tell=tell).values()]


def read_numbered(
    path: Path, *, column: str | None = None, layout: Layout = AS_NAMED, tell: Tell = ignore
) -> dict[int, str]:
    """Read the texts of a file that are not blank, each by the number of its row, counted from 1.

    Raises:
        KosbertError: the file cannot be read by `open_texts`, has no such texts, or too many to hold in memory.
    """
    filled, size = {}, 0
    with open_texts(path, column=column, layout=layout, tell=tell) as texts:
        for row, text in texts.filled():
            size += getsizeof(text)
            check_memory(texts.name, size)
            filled[row] = text
    if not filled:
        raise KosbertError(f"{texts.name}: no texts in it")
    return filled


def _lines(source: Source) -> Iterator[Row]:
    for number, line in enumerate(source.lines(newline=None), start=1):
        yield f"line {number}", [line.removesuffix("\n")]


def _texts(table: Table, index: int, *, skipped: int) -> Iterator[str]:
    for where, (cell,) in islice(table.read([index]), skipped, None):
        try:
            yield as_text(cell)
        except ValueError as error:
            raise refusal(table, where, error) from error


def _choose(table: Table, column: str | None, *, header: bool, tell: Tell) -> tuple[int, list[str]]:
    """Return the index of the column with the texts, and the names of all columns."""
    names = [plain_name(name) for name in table.top] if header else []
    if table.named and not names:
        if column is not None:
            raise ReadError(f"{table.name}: each row is a text", hint="--column is for tables")
        return 0, []
    if not header:
        return _choose_number(table, column), []
    if column is None and len(names) <= 1:
        _check_only_name(table, *names, tell=tell)
    return choose_column(table, names, column), names


def _choose_number(table: Table, column: str | None) -> int:
    if column is None and len(table.top) > 1:
        raise ReadError(
            f"{table.name}: several columns without a header",
            hint=f"choose with --column a number from 1 to {len(table.top)}",
        )
    (index,) = choose_numbers(table, [column or "1"])
    return index


def _check_only_name(table: Table, name: str = "", *, tell: Tell) -> None:
    """Check that the first row of a table with one column names it.

    Raises:
        KosbertError: it may as well be a text.
    """
    if table.named or name.lower() in USUAL_NAMES:
        return
    if not name:
        raise ReadError(
            f"{table.name}: expected a table whose first line names its columns; it is blank, or the file is empty",
            hint="if it has no such line, use --no-header",
        )
    if not _looks_like_a_name(name):
        raise ReadError(
            f"{table.name}: line 1 may be a column name or a text: {name[:NAME_LENGTH]!r}",
            hint="use --column with that name, or --no-header",
            columns=[name],
        )
    tell(f"{table.name}: line 1 ({name!r}) was read as the column's name; if it is a text, use --no-header")


def _looks_like_a_name(text: str) -> bool:
    one_word = len(text) <= NAME_LENGTH and not any(letter.isspace() or letter in DELIMITERS for letter in text)
    return one_word and any(map(str.isalpha, text)) and (text[-1].isalnum() or text[-1] in ")]_")
