"""Read files of scored pairs with named columns: CSV or TSV with a header, JSON, or JSON Lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from kosbert.data.tables import (
    MAX_SCORE,
    PREVIEW_LENGTH,
    Read,
    ScoredPair,
    Skipped,
    check_sentences,
    checked_score,
    checked_width,
    open_text,
    preview,
)
from kosbert.errors import KosbertError, one_line
from kosbert.params import ScoredFile

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SURROGATE = re.compile("[\ud800-\udfff]")  # in JSON, an escape can name one
Located = tuple[str, list[str], list[Any]]  # a row: where it is in the file, the names of its columns, and its values


def read_scored(path: Path, file: ScoredFile) -> Read[ScoredPair]:
    """Read a file of scored pairs, row by row; the scores are brought to the scale from 0 to 5.

    Raises:
        KosbertError: in iterating, the file is not of the format that its name tells, or lacks a column.
    """
    skipped = Skipped()
    return Read(_pairs(path, file, skipped), skipped)


def _pairs(path: Path, file: ScoredFile, skipped: Skipped) -> Iterator[ScoredPair]:
    for where, columns, values in _rows(path, file):
        try:
            yield _scored_pair(dict(zip(columns, checked_width(values, columns), strict=True)), file)
        except ValueError as error:
            skipped.add(f"{path}, {where}: {error}")


def _rows(path: Path, file: ScoredFile) -> Iterator[Located]:
    match path.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            return _delimited(path, file, DELIMITERS[suffix])
        case ".json":
            return _json(path)
        case ".jsonl":
            return _json_lines(path)
    raise KosbertError(f"{path}: expected the name of a .csv, .tsv, .json or .jsonl file")


def _delimited(path: Path, file: ScoredFile, delimiter: str) -> Iterator[Located]:
    with open_text(path, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            for key in ("sentence1", "sentence2", "score"):
                if header.count(column := getattr(file, key)) != 1:
                    expected = f"one column {column!r} ({key} in params.yaml)"
                    raise KosbertError(f"{path}, line 1: expected {expected}, found {preview(header)}")
            for fields in filter(None, reader):  # a blank line is no row
                yield f"line {reader.line_num}", header, fields
        except csv.Error as error:
            raise KosbertError(f"{path}, line {reader.line_num}: not a valid table: {error}") from error


def _json(path: Path) -> Iterator[Located]:
    with open_text(path, encoding="utf-8-sig", newline="") as text:
        rows = _parsed(text.read(), str(path))
    if not isinstance(rows, list):
        raise KosbertError(f"{path}: expected a list of objects, found a value of another kind")
    for number, row in enumerate(rows, start=1):
        yield _flat_row(row, path, f"row {number}")


def _json_lines(path: Path) -> Iterator[Located]:
    with open_text(path, encoding="utf-8-sig", newline="\n") as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                where = f"line {number}"
                yield _flat_row(_parsed(line, f"{path}, {where}"), path, where)


def _parsed(text: str, where: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise KosbertError(f"{where}: not JSON: {one_line(error, 200)}") from error


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name[:PREVIEW_LENGTH]!r} occurs twice in one object")
        found[name] = value
    return found


def _flat_row(row: Any, path: Path, where: str) -> Located:  # noqa: ANN401 - any JSON
    try:
        columns = _unique(_flat(row) if isinstance(row, dict) else ())
    except (ValueError, RecursionError) as error:
        raise KosbertError(f"{path}, {where}: {one_line(error, 200)}") from error
    return where, [*columns], [*columns.values()]


def _flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what an object has, and what objects in it have, by dotted paths."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _scored_pair(row: dict[str, Any], file: ScoredFile) -> ScoredPair:
    sentence1, sentence2 = _sentence(row, file.sentence1), _sentence(row, file.sentence2)
    check_sentences(sentence1, sentence2)
    if SURROGATE.search(sentence1 + sentence2):
        raise ValueError("a sentence has a lone surrogate, which is not a character")
    score = Fraction(checked_score(str(_value(row, file.score)), file.max_score))
    # In fractions, so that a scale from 0 to 5 leaves a score as it is, and the highest score of another becomes 5.
    scaled = float(score * Fraction(MAX_SCORE) / Fraction(file.max_score))
    return ScoredPair(sentence1, sentence2, repr(scaled))


def _sentence(row: dict[str, Any], column: str) -> str:
    match _value(row, column):
        case str(sentence):
            return sentence
        case other:
            raise ValueError(f"{column} is {other!r:.{PREVIEW_LENGTH}}, which is not text")


def _value(row: dict[str, Any], column: str) -> Any:  # noqa: ANN401 - a text or number, else it is refused
    if row.get(column) is None:
        there = [name for name, value in row.items() if value is not None]
        raise ValueError(f"expected a value in {column!r}, found {preview(there)}")
    return row[column]
