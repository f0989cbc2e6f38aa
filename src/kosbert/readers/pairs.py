"""Sentence pairs with scores, from whatever table a user has: one reader for all of them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from sys import getsizeof

from kosbert.data.tables import TUNE_COLUMNS, is_blank, parse_score, preview
from kosbert.errors import KosbertError
from kosbert.readers.formats import open_table
from kosbert.readers.layout import AS_NAMED, Layout, Tell, ignore
from kosbert.readers.sources import open_source
from kosbert.readers.table import Table, as_score, as_text, check_memory, choose_numbers, plain_name, refusal

Pair = tuple[str, str, float]

NUMBERS = ("1", "2", "3")  # the columns of a table without names


def read_pairs(
    path: Path, *, columns: tuple[str, ...] | None = None, layout: Layout = AS_NAMED, tell: Tell = ignore
) -> list[Pair]:
    """Read a table of sentence pairs with scores, on any scale.

    Args:
        path: a file of any format, see `open_texts`; text is a table, too. With a header, its columns may be in any
            order, and others are ignored. Without one, they are sentence, sentence, score.
        columns: the names of the three columns; sentence1, sentence2 and score if None. Without a header, their
            numbers from 1.
        layout: what else the user says of the file.
        tell: takes a line for each thing that was found and not said.

    Raises:
        KosbertError: the file is not such a table; the message says where, and what was found there.
        OSError: the file cannot be read.
    """
    with open_source(path, layout=layout, tell=tell) as source:
        table = open_table(source, layout, tell)
        pairs, size = [], 0
        for pair in _pairs(table, columns, header=layout.header):
            size += sum(map(getsizeof, pair))
            check_memory(table.name, size)
            pairs.append(pair)
    if not pairs:
        raise KosbertError(f"{table.name}: no pairs in it")
    return pairs


def _pairs(table: Table, columns: tuple[str, ...] | None, *, header: bool) -> Iterator[Pair]:
    indices, skipped = _choose(table, columns, header=header)
    for where, cells in islice(table.read(indices), skipped, None):
        try:
            yield _pair(*cells)
        except ValueError as error:
            raise refusal(table, where, error) from error


def _choose(table: Table, columns: tuple[str, ...] | None, *, header: bool) -> tuple[list[int], int]:
    """Return the indices of the three columns, and the number of rows before the first pair."""
    if not (table.named or header):
        return choose_numbers(table, columns or NUMBERS), 0
    names, wanted = [plain_name(name) for name in table.top], [plain_name(name) for name in columns or TUNE_COLUMNS]
    if all(names.count(name) == 1 for name in wanted):
        return [names.index(name) for name in wanted], int(not table.named)
    if columns is None and not table.named and len(names) == len(TUNE_COLUMNS) and _is_score(names[-1]):
        return [0, 1, 2], 0
    raise KosbertError(
        f"{table.name}: expected a header with the columns {', '.join(wanted)} (--columns names others), or sentence, "
        f"sentence and score without a header (--no-header); found {preview(table.top)}"
    )


def _pair(one: object, other: object, score: object) -> Pair:
    sentence1, sentence2 = as_text(one), as_text(other)
    if is_blank(sentence1) or is_blank(sentence2):
        raise ValueError("a sentence is blank")
    return sentence1, sentence2, as_score(score)


def _is_score(text: str) -> bool:
    try:
        parse_score(text)
    except ValueError:
        return False
    return True
