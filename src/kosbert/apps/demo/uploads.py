"""Files that users upload, read under limits: whatever comes, it costs little memory, and nothing stays on disk."""

import csv
import tempfile
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow
from pyarrow import parquet

from kosbert.apps.demo.limits import BODY, CHARACTERS, SENTENCES, RefusalError
from kosbert.readers.texts import DELIMITERS, PARQUET, USUAL, TextsError, read_texts
from kosbert.errors import KosbertError, one_line

ENDINGS = (".txt", *DELIMITERS, PARQUET)
CHUNK = 1 << 16
COLUMNS = 100  # of a table, that are offered
CELL = 1 << 16  # bytes of a Parquet row: a small file can hold a long text in a million rows


def read_upload(name: str, file: BinaryIO, column: str | None) -> list[str]:
    """Read the sentences of a file that a user sent.

    Args:
        name: of the file; its ending says what it is.
        file: its bytes.
        column: of a table, or None.

    Raises:
        RefusalError: it is too large, no such file, or has no such column (then with the names of those it has).
    """
    ending, shown = Path(name).suffix.lower(), repr(name[:80])[1:-1]
    if ending not in ENDINGS:
        raise RefusalError("ending", f"'{shown}': expected a file whose name ends in {', '.join(ENDINGS)}")
    with tempfile.TemporaryDirectory(prefix="kosbert-") as folder:
        path = Path(folder) / f"upload{ending}"
        with path.open("wb") as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk)
        try:
            if ending == PARQUET:
                _check_parquet(path)
            names = [] if ending == ".txt" else _columns(path, ending)
            return _sentences(path, column, names)
        except RefusalError as error:
            message = error.message.replace(f"{path}", shown)
            raise RefusalError(error.code, message, **error.details) from error


def _sentences(path: Path, column: str | None, names: list[str]) -> list[str]:
    filled = (text.strip() for text in read_texts(path, column=column) if text.strip())
    try:
        sentences = [*islice(filled, SENTENCES + 1)]
    except KosbertError as error:
        chosen = column in names or (column is None and not {*USUAL}.isdisjoint(names))
        message = error.found if isinstance(error, TextsError) else error.message  # there is no command line here
        raise RefusalError("column" if len(names) > 1 and not chosen else "file", message, columns=names) from error
    if len(sentences) > SENTENCES:
        raise RefusalError("many", f"{path}: more than {SENTENCES:,} sentences", limit=SENTENCES)
    if not sentences:
        raise RefusalError("no_texts", f"{path}: no texts in it")
    for number, sentence in enumerate(sentences, start=1):
        if len(sentence) > CHARACTERS:
            message = f"{path}, sentence {number}: {len(sentence):,} characters; at most {CHARACTERS:,} are taken"
            raise RefusalError("long", message, number=number, limit=CHARACTERS)
    return sentences


def _columns(path: Path, ending: str) -> list[str]:
    """The names of a table's columns; none where it cannot be read, which reading its texts will say better."""
    try:
        if ending == PARQUET:
            return [str(name) for name in parquet.read_schema(path).names[:COLUMNS]]
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, delimiter=DELIMITERS[ending]), [])[:COLUMNS]
    except (UnicodeDecodeError, csv.Error):
        return []


def _check_parquet(path: Path) -> None:
    """Read a Parquet file row by row, so that one which unpacks to gigabytes is refused before they are there."""
    try:
        with path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            groups = range(file.metadata.num_row_groups)
            unpacked = sum(file.metadata.row_group(group).total_byte_size for group in groups)
            if file.metadata.num_rows > 2 * SENTENCES or unpacked > 8 * BODY:
                raise RefusalError("many", f"{path}: more than {SENTENCES:,} sentences", limit=SENTENCES)
            for batch in file.iter_batches(batch_size=1):
                if batch.nbytes > CELL:
                    raise RefusalError("file", f"{path}: a row of {batch.nbytes:,} bytes; at most {CELL:,} are read")
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RefusalError("file", f"{path}: no Parquet file that we can read: {one_line(error)}") from error
