"""JSON: an array, or a value on each line; the values are texts, or objects with columns."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import ERROR_LENGTH, ReadError
from kosbert.readers.sources import Source
from kosbert.readers.table import NAME_LENGTH, Row, Table, refusal

Values = Callable[[], Iterator[tuple[str, object]]]  # yields where a value is, and the value


def open_records(source: Source) -> Table:
    """Open JSON or JSON Lines. The columns are the keys of the first object.

    Raises:
        KosbertError: the first value cannot be read, or JSON is no array.
    """
    values = partial(_lines if source.format == "jsonl" else _items, source)
    _, first = next(values(), ("", None))
    keys = [*first] if isinstance(first, dict) else []
    table = Table(source.name, keys, named=True, read=lambda chosen: _read(table, values, chosen))
    return table


def _read(table: Table, values: Values, chosen: Sequence[int]) -> Iterator[Row]:
    keys = [table.top[index] for index in chosen] if table.top else []
    for where, value in values():
        if not keys:
            yield where, [value]
            continue
        if not isinstance(value, dict):
            raise refusal(table, where, "expected an object, as in the first row")
        if missing := [key for key in keys if key not in value]:
            raise refusal(table, where, f"no {missing[0][:NAME_LENGTH]!r} in the object")
        yield where, [value[key] for key in keys]


def _lines(source: Source) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(source.lines(newline=None), start=1):
        if line.strip():
            yield f"line {number}", _parse(source, line, first_line=number)


def _items(source: Source) -> Iterator[tuple[str, object]]:
    with source.open_text(newline=None) as file:
        try:
            items = _parse(source, file.read(), first_line=1)
        except KosbertError as error:
            if "Extra data" not in error.message:
                raise
            raise ReadError(error.message, hint="if each line is JSON by itself, use --file-format jsonl") from error
    if not isinstance(items, list):
        raise KosbertError(f"{source.name}: expected a JSON array of texts or of objects, as pandas' orient='records'")
    for number, item in enumerate(items, start=1):
        yield f"row {number}", item


def _parse(source: Source, text: str, *, first_line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line - 1 + error.lineno
        raise KosbertError(f"{source.name}, line {line}: not valid JSON: {error.msg} (column {error.colno})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise KosbertError(
            f"{source.name}, line {first_line}: not readable as JSON: {one_line(error, ERROR_LENGTH)}"
        ) from error
