"""Read files that users upload, within limits: any file takes little memory, and nothing stays on disk."""

import tempfile
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow
from pyarrow import parquet

from kosbert.apps.demo.limits import BODY, CHARACTERS, SENTENCES, RefusalError
from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import ReadError
from kosbert.readers.sources import FORMATS
from kosbert.readers.texts import open_texts

PARQUET = ".parquet"
SUFFIXES = (".txt", *FORMATS)
CHUNK = 1 << 16
MAX_COLUMNS = 100  # columns of a table that are offered
MAX_ROW_BYTES = 1 << 16  # of a Parquet file: a small one can hold a long text in a million rows


def read_upload(name: str, file: BinaryIO, column: str | None) -> list[str]:
    """Read the sentences of a file that a user sent.

    Args:
        name: the file's name; its ending says which kind of file it is.
        file: the file's content.
        column: the column of a table with the sentences; see `open_texts`.

    Raises:
        RefusalError: the file is too large or cannot be read, or has no such column; then with all its columns.
    """
    suffix, shown_name = Path(name).suffix.lower(), repr(name[:80])[1:-1]
    if suffix not in SUFFIXES:
        raise RefusalError("ending", f"'{shown_name}': expected a file whose name ends in {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory(prefix="kosbert-") as folder:
        path = Path(folder) / f"upload{suffix}"
        with path.open("wb") as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk)
        try:
            if suffix == PARQUET:
                _check_parquet(path)
            return _sentences(path, column)
        except RefusalError as error:
            message = error.message.replace(f"{path}", shown_name)
            raise RefusalError(error.code, message, **error.details) from error


def _sentences(path: Path, column: str | None) -> list[str]:
    try:
        with open_texts(path, column=column, max_bytes=BODY) as texts:
            sentences = [text.strip() for _, text in islice(texts.filled(), SENTENCES + 1)]
    except KosbertError as error:
        columns = error.columns[:MAX_COLUMNS] if isinstance(error, ReadError) else []
        raise RefusalError("column" if columns else "file", error.message, columns=columns) from error
    if len(sentences) > SENTENCES:
        raise RefusalError("many", f"{path}: more than {SENTENCES:,} sentences", limit=SENTENCES)
    if not sentences:
        raise RefusalError("no_texts", f"{path}: no texts in it")
    for number, sentence in enumerate(sentences, start=1):
        if len(sentence) > CHARACTERS:
            message = f"{path}, sentence {number}: {len(sentence):,} characters; the limit is {CHARACTERS:,}"
            raise RefusalError("long", message, number=number, limit=CHARACTERS)
    return sentences


def _check_parquet(path: Path) -> None:
    """Read a Parquet file row by row, to refuse one that would unpack to gigabytes before it does."""
    try:
        with path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            if file.metadata.num_rows > 2 * SENTENCES:
                raise RefusalError("many", f"{path}: more than {SENTENCES:,} sentences", limit=SENTENCES)
            for batch in file.iter_batches(batch_size=1):
                if batch.nbytes > MAX_ROW_BYTES:
                    raise RefusalError(
                        "file", f"{path}: a row of {batch.nbytes:,} bytes; the limit is {MAX_ROW_BYTES:,}"
                    )
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise RefusalError("file", f"{path}: not a readable Parquet file: {one_line(error)}") from error
