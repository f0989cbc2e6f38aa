"""A user's file as one that can be read several times: pipes and compressed files are copied to a temporary one."""

import gzip
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from kosbert.errors import KosbertError, one_line
from kosbert.readers.encodings import CHUNK, find_encoding
from kosbert.readers.layout import ERROR_LENGTH, STANDARD_INPUT, Format, Layout, ReadError, Tell, shown

FORMATS: dict[str, Format] = {
    ".tsv": "tsv",
    ".tab": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}  # by the ending of a name; every other file is text
BINARY = ("parquet", "xlsx")
REFUSED = {
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), "save it as .xlsx or .csv"),
    **dict.fromkeys((".doc", ".docx", ".odt", ".hwp", ".hwpx", ".pdf"), "save its text as .txt, one text on each line"),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz"), "unpack it first"),
}
PACKED = (".gz", ".zst")  # endings that stand after that of the format
UNPACKED = 8  # times as large as a file may be, Parquet and XLSX may be inside
MAGIC_BYTES = 4
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # the first bytes of files
ZIP, PARQUET, OLE = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Source:
    """A regular file, and what is known of it.

    Attributes:
        name: how messages name it.
        path: where its bytes are, unpacked.
        format: its format.
        encoding: the encoding of a text format, in which all of the file was found to be text.
        max_bytes: the number of bytes that it may have.
    """

    name: str
    path: Path
    format: Format
    encoding: str = "utf-8"
    max_bytes: int | None = None

    @contextmanager
    def open_text(self, newline: str | None) -> Iterator[TextIO]:
        """Open the file as text, without its byte order mark.

        Args:
            newline: which line ends there are, and what they become, as in `open`.

        Raises:
            KosbertError: the block reads what is not text in the encoding of the file.
        """
        try:
            with self.path.open(encoding=self.encoding, newline=newline) as file:
                if file.read(1) != "\ufeff":
                    file.seek(0)
                yield file
        except UnicodeDecodeError as error:
            raise KosbertError(f"{self.name}: it was changed while it was read; run this again") from error


@contextmanager
def open_source(path: Path, *, layout: Layout, tell: Tell, max_bytes: int | None = None) -> Iterator[Source]:
    """Give a user's file as a regular one; what had to be copied is removed when the block ends.

    Args:
        path: a file, a pipe, or `-` for standard input. It may be compressed with gzip or Zstandard.
        layout: what the user says of it.
        tell: takes a line for each thing that was found and not said.
        max_bytes: the number of bytes that the file may have, unpacked; unlimited if None.

    Raises:
        KosbertError: the file is damaged or too large, or is not in the format that its name or the user says.
        OSError: the file cannot be read.
    """
    name, endings = shown(path), [ending.lower() for ending in path.suffixes[-2:]]
    packed = endings.pop() if endings and endings[-1] in PACKED else ""
    ending = endings[-1] if endings else ""
    if layout.format is None and ending in REFUSED:
        raise KosbertError(f"{name}: {ending} files cannot be read; {REFUSED[ending]}")
    form = layout.format or FORMATS.get(ending, "text")
    with ExitStack() as stack:
        plain = path
        if not _can_be_read_again(path):
            plain = stack.enter_context(_copied(_read(path), name, max_bytes))
        start, _ = _ends(plain)
        if start.startswith((GZIP, ZSTD)):
            packing = "gzip" if start.startswith(GZIP) else "zstd"
            plain = stack.enter_context(_copied(_unpacked(plain, name, packing), name, max_bytes))
            if not packed:
                tell(f"{name}: unpacked with {packing}")
        elif packed:
            raise KosbertError(f"{name}: its name ends in {packed}, but it is not compressed; rename it")
        if max_bytes is not None and plain.stat().st_size > max_bytes:
            raise KosbertError(f"{name}: more than {max_bytes:,} bytes")
        if form in BINARY:
            yield Source(name, plain, form, max_bytes=max_bytes)
        else:
            _check_text(plain, name)
            yield Source(name, plain, form, find_encoding(plain, name, layout.encoding, tell))


def check_unpacked(source: Source, size: int) -> None:
    """Check that a small file does not unpack to a huge one, where there is a limit.

    Args:
        source: a file of a format that is compressed itself.
        size: the number of bytes that it unpacks to, as it says itself.

    Raises:
        KosbertError: there are more than `UNPACKED` times the bytes that a file may have.
    """
    if source.max_bytes is not None and size > UNPACKED * source.max_bytes:
        raise KosbertError(f"{source.name}: unpacks to more than {UNPACKED * source.max_bytes:,} bytes")


def _can_be_read_again(path: Path) -> bool:
    """Return whether a file can be opened several times, each time from its first byte on.

    /dev/stdin and /dev/fd stand for open files, which go on where they were on some systems.
    """
    if path == STANDARD_INPUT or path.parent in (Path("/dev"), Path("/dev/fd")):
        return False
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a folder is refused when it is opened


def _read(path: Path) -> Iterator[bytes]:
    if path == STANDARD_INPUT:
        yield from _chunks(sys.stdin.buffer)
    else:
        with path.open("rb") as file:
            yield from _chunks(file)


def _chunks(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _unpacked(path: Path, name: str, packing: str) -> Iterator[bytes]:
    try:
        if packing == "gzip":
            with gzip.open(path) as file:
                yield from _chunks(file)
        else:
            import pyarrow  # noqa: PLC0415 - slow to import, and other files need none of it

            with path.open("rb") as raw, pyarrow.CompressedInputStream(raw, packing) as file:
                yield from _chunks(file)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:  # the file cannot be read at all
            raise
        raise KosbertError(f"{name}: damaged, or not complete: {one_line(error, ERROR_LENGTH)}") from error


@contextmanager
def _copied(chunks: Iterator[bytes], name: str, max_bytes: int | None) -> Iterator[Path]:
    """Give a temporary file with the bytes."""
    with tempfile.NamedTemporaryFile(prefix="kosbert-") as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if max_bytes is not None and size > max_bytes:
                raise KosbertError(f"{name}: more than {max_bytes:,} bytes")
            _write(file, chunk)
        yield Path(file.name)


def _write(file: IO[bytes], chunk: bytes) -> None:
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        error.filename = file.name  # the system does not say which disk is full
        raise


def _ends(path: Path) -> tuple[bytes, bytes]:
    """Return the first and the last bytes of a file, which tell many formats."""
    with path.open("rb") as file:
        start = file.read(MAGIC_BYTES)
        file.seek(max(0, file.seek(0, os.SEEK_END) - MAGIC_BYTES))
        return start, file.read()


def _check_text(path: Path, name: str) -> None:
    """Check that a file is none of the well-known formats that are not text."""
    start, end = _ends(path)
    if start.startswith(ZIP):
        raise ReadError(
            f"{name}: a ZIP archive, as XLSX files are; expected text", hint="if it is XLSX, say --file-format xlsx"
        )
    if start == end == PARQUET:
        raise ReadError(f"{name}: a Parquet file; expected text", hint="say --file-format parquet")
    if start.startswith(OLE):
        raise KosbertError(f"{name}: a document of Office or of Hangul; expected text; save it as .xlsx, .csv or .txt")
    if start.startswith((GZIP, ZSTD)):
        raise KosbertError(f"{name}: compressed twice; unpack it first")
