"""The formats of the tables: one reader and one writer for each, row by row, as a table may be larger than memory.

Upstream KorNLU is unquoted TSV with a header (a `"` is a letter); the tune files are tab-delimited CSV with
quoting and no header, as the original project wrote them; the NLI table is the same dialect with a header.
"""

import csv
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TextIO, TypeVar

from kosbert.errors import KosbertError
from kosbert.files import atomic_write

STS_COLUMNS = ("genre", "filename", "year", "id", "score", "sentence1", "sentence2")
NLI_COLUMNS = ("sentence1", "sentence2", "gold_label")
TUNE_COLUMNS = ("sentence1", "sentence2", "score")
TABLE_COLUMNS = ("premise", "hypothesis", "label")
LABELS = ("contradiction", "entailment", "neutral")  # the original's ids: 0, 1, 2
MAX_SCORE = 5.0
MAX_EXAMPLES = 3  # skipped rows that a message shows
PREVIEW_FIELDS, PREVIEW_LENGTH = 8, 24  # fields of a line that an error shows, and characters of each

# What Python's `float` reads besides, such as 1_0 for 10, is more likely a damaged field than a number.
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
# Unicode's categories of spaces, controls and formats, and characters of others that show nothing: fillers, variation
# selectors, the empty Braille pattern, and the mark of what could not be decoded.
BLANK_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffd\U000e0100-\U000e01ef]"
)

Row = TypeVar("Row")


class ScoredPair(NamedTuple):
    """A scored pair; `score` is a text, in KorSTS upstream's own, for a number from 0 (unrelated) to 5 (equal)."""

    sentence1: str
    sentence2: str
    score: str


class SourcedPair(NamedTuple):
    """A KorSTS row with its origin: the genre, and the file of the shared task within it."""

    sentence1: str
    sentence2: str
    score: str
    genre: str
    filename: str


class LabelledPair(NamedTuple):
    """A KorNLI row; `label` is one of `LABELS`."""

    premise: str
    hypothesis: str
    label: str


@dataclass
class Skipped:
    """The rows that a reader had to leave out: how many, and a line about each of the first `MAX_EXAMPLES`."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Count one more row; the line says which, and why."""
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(line)


@dataclass(frozen=True)
class Read(Generic[Row]):
    """A file that is being read: its usable rows, which can be iterated once, and the rows skipped so far."""

    rows: Iterator[Row]
    skipped: Skipped


def read_korsts(path: Path) -> Read[ScoredPair]:
    """Read an upstream KorSTS file, row by row.

    Raises:
        KosbertError: with the first row, if the header is not that of KorSTS.
    """
    return _read_upstream(path, STS_COLUMNS, _scored_pair)


def read_korsts_sources(path: Path) -> Read[SourcedPair]:
    """Read an upstream KorSTS file, row by row: the rows of `read_korsts`, with their origins.

    Raises:
        KosbertError: with the first row, if the header is not that of KorSTS.
    """
    return _read_upstream(path, STS_COLUMNS, _sourced_pair)


def read_kornli(path: Path) -> Read[LabelledPair]:
    """Read an upstream KorNLI file, row by row.

    Raises:
        KosbertError: with the first row, if the header is not that of KorNLI.
    """
    return _read_upstream(path, NLI_COLUMNS, _labelled_pair)


def _read_upstream(path: Path, columns: tuple[str, ...], parse: Callable[[list[str]], Row]) -> Read[Row]:
    skipped = Skipped()
    return Read(_upstream_rows(path, columns, parse, skipped), skipped)


def _upstream_rows(
    path: Path, columns: tuple[str, ...], parse: Callable[[list[str]], Row], skipped: Skipped
) -> Iterator[Row]:
    with open_text(path, encoding="utf-8-sig", newline="\n") as file:
        header = tuple(next(file, "").rstrip("\r\n").split("\t"))
        if header != columns:
            raise KosbertError(f"{path}, line 1: expected the columns {', '.join(columns)}, found {preview(header)}")
        for number, line in enumerate(file, start=2):
            fields = line.rstrip("\r\n").split("\t")
            try:
                yield parse(checked_width(fields, columns))
            except ValueError as error:
                skipped.add(f"{path}, line {number}: {error}")


@contextmanager
def open_text(path: Path, encoding: str, newline: str) -> Iterator[TextIO]:
    """Open a table.

    Raises:
        KosbertError: in the block, the file proves to be no UTF-8 text, or no table of its kind.
    """
    try:
        with path.open(encoding=encoding, newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise KosbertError(f"{path}: not UTF-8 text: {error}") from error
    except csv.Error as error:
        raise KosbertError(f"{path}: not a valid table: {error}") from error


def _scored_pair(fields: list[str]) -> ScoredPair:
    *_, score, sentence1, sentence2 = fields
    checked_score(score)
    check_sentences(sentence1, sentence2)
    return ScoredPair(sentence1, sentence2, score)


def _sourced_pair(fields: list[str]) -> SourcedPair:
    genre, filename, *_ = fields
    return SourcedPair(*_scored_pair(fields), genre, filename)


def _labelled_pair(fields: list[str]) -> LabelledPair:
    premise, hypothesis, label = fields
    check_sentences(premise, hypothesis)
    if label not in LABELS:
        raise ValueError(f"label {label[:PREVIEW_LENGTH]!r} is none of {', '.join(LABELS)}")
    return LabelledPair(premise, hypothesis, label)


def preview(fields: Sequence[str]) -> str:
    """Return what an error shows of a line: its first fields, cut short, with no character that moves the cursor."""
    shown = [f"{field[:PREVIEW_LENGTH]!r}{'…' * (len(field) > PREVIEW_LENGTH)}" for field in fields[:PREVIEW_FIELDS]]
    return ", ".join([*shown, *["…"] * (len(fields) > PREVIEW_FIELDS)]) or "nothing"


def checked_width(fields: list[Any], columns: Sequence[str]) -> list[Any]:
    """Return the fields of a row.

    Raises:
        ValueError: they are not as many as the columns.
    """
    if len(fields) != len(columns):
        raise ValueError(f"{len(fields)} columns instead of {len(columns)}")
    return fields


def is_blank(text: str) -> bool:
    """Return whether a text has nothing to read: no character, or only such as show nothing."""
    return all(unicodedata.category(letter) in BLANK_CATEGORIES or BLANK.match(letter) for letter in text)


def parse_score(text: str) -> float:
    """Return the number that a score is written as: decimal, with ASCII digits, perhaps with an exponent.

    Raises:
        ValueError: it is no such number, or too large for one.
    """
    score = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(score):
        raise ValueError(f"score {text[:PREVIEW_LENGTH]!r} is not a number")
    return score


def checked_score(text: str, max_score: float = MAX_SCORE) -> float:
    """Return the number that a score is written as.

    Raises:
        ValueError: it is no number, or not between 0 and `max_score`.
    """
    score = parse_score(text)
    if not 0 <= score <= max_score:
        raise ValueError(f"score {score:g} is not between 0 and {max_score:g}")
    return score


def check_sentences(*sentences: str) -> None:
    """Check that sentences can be read.

    Raises:
        ValueError: one is blank, or longer than what can be read back from a table.
    """
    if any(map(is_blank, sentences)):
        raise ValueError("a sentence is blank")
    if (length := max(map(len, sentences))) > csv.field_size_limit():
        raise ValueError(f"a sentence has {length:,} characters; at most {csv.field_size_limit():,} are allowed")


def write_tune(path: Path, pairs: Iterable[ScoredPair]) -> None:
    """Write a tune file (sentence1, sentence2, score; no header), byte for byte as the original project did.

    If iterating over the pairs raises an error, nothing is written.
    """
    _write(path, pairs)


def write_nli(path: Path, pairs: Iterable[LabelledPair]) -> None:
    """Write an NLI table (premise, hypothesis, label; with that header).

    If iterating over the pairs raises an error, nothing is written.
    """
    _write(path, pairs, header=TABLE_COLUMNS)


def _write(path: Path, rows: Iterable[tuple[str, ...]], header: tuple[str, ...] | None = None) -> None:
    with atomic_write(path) as tmp, tmp.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        quoting_writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL)
        if header:
            writer.writerow(header)
        for row in rows:
            # A lone carriage return ends a row for Python's reader, yet its writer does not quote it.
            (quoting_writer if "\r" in "".join(row) else writer).writerow(row)


def read_tune(path: Path) -> Iterator[tuple[str, str, float]]:
    """Read a tune file as (sentence1, sentence2, score from 0 to 5), row by row.

    Raises:
        KosbertError: a row does not have three columns, or its score is not a number from 0 to 5.
    """
    for number, fields in _numbered_rows(path):
        try:
            sentence1, sentence2, score = checked_width(fields, TUNE_COLUMNS)
            yield sentence1, sentence2, checked_score(score)
        except ValueError as error:
            raise KosbertError(f"{path}, line {number}: expected sentence1, sentence2, score: {error}") from error


def read_nli(path: Path) -> Iterator[LabelledPair]:
    """Read an NLI table, row by row.

    Raises:
        KosbertError: the columns are not premise, hypothesis and label, in the header or in a row.
    """
    rows = _numbered_rows(path)
    _, header = next(rows, (1, []))
    if tuple(header) != TABLE_COLUMNS:
        raise KosbertError(f"{path}, line 1: expected the columns {', '.join(TABLE_COLUMNS)}, found {preview(header)}")
    for number, fields in rows:
        try:
            yield _labelled_pair(checked_width(fields, TABLE_COLUMNS))
        except ValueError as error:
            raise KosbertError(f"{path}, line {number}: expected premise, hypothesis, label: {error}") from error


def _numbered_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    with open_text(path, encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        for fields in reader:
            yield reader.line_num, fields
