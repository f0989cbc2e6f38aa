"""A user's file as one that can be read several times: pipes and compressed files are copied to a temporary one."""

import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TextIO

from kosbert.errors import KosbertError, one_line
from kosbert.readers.encodings import CHUNK, find_encoding
from kosbert.readers.layout import ERROR_LENGTH, MAX_LENGTH, STANDARD_INPUT, Format, Layout, ReadError, Tell, shown

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
MAX_AT_ONCE = 1 << 30  # bytes of what is read into memory at once: JSON, or a workbook without its compression
LETTER_BYTES = 4  # of a letter in any encoding, at most
PATIENCE = 5.0  # seconds after which a user is told what a command waits for
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
            with naming(self.name), self.path.open(encoding=self.encoding, newline=newline) as file:
                if file.read(1) != "\ufeff":
                    file.seek(0)
                yield file
        except UnicodeDecodeError as error:
            raise KosbertError(f"{self.name}: changed while it was being read; run the command again") from error

    def lines(self, newline: str | None) -> Iterator[str]:
        """Yield the lines of the file with their ends.

        Args:
            newline: see `open_text`.

        Raises:
            KosbertError: a line has more than `MAX_LENGTH` characters.
        """
        with self.open_text(newline) as file:
            most = MAX_LENGTH + len("\r\n")
            for number, line in enumerate(iter(partial(file.readline, most), ""), start=1):
                if len(line.rstrip("\r\n")) > MAX_LENGTH:
                    raise _too_long(self.name, number)
                yield line


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
    with ExitStack() as stack:
        with naming(shown(path)):
            source = _prepare(path, stack, layout=layout, tell=tell, max_bytes=max_bytes)
        yield source


def _prepare(path: Path, stack: ExitStack, *, layout: Layout, tell: Tell, max_bytes: int | None) -> Source:
    """Copy or unpack a file, where it has to be, until the stack is closed, and check what it is."""
    name, endings = shown(path), [ending.lower() for ending in path.suffixes[-2:]]
    packed = endings.pop() if endings and endings[-1] in PACKED else ""
    ending = endings[-1] if endings else ""
    if layout.format is None and ending in REFUSED:
        raise KosbertError(f"{name}: {ending} files cannot be read; {REFUSED[ending]}")
    form = layout.format or FORMATS.get(ending, "text")
    if form == "json":
        max_bytes = min(max_bytes or MAX_AT_ONCE, MAX_AT_ONCE)
    has_lines, plain = form not in (*BINARY, "json"), path
    if not _can_be_read_again(path):
        with _told_of_waiting(name, tell):
            plain = stack.enter_context(_copied(_read(path, name), name, max_bytes, has_lines=has_lines))
    start, _ = _ends(plain)
    if start.startswith((GZIP, ZSTD)):
        packing = "gzip" if start.startswith(GZIP) else "zstd"
        unpacked = _unpacked(plain, name, packing)
        plain = stack.enter_context(_copied(unpacked, name, max_bytes, has_lines=has_lines))
        if not packed:
            tell(f"{name}: unpacked with {packing}")
    elif packed:
        raise KosbertError(f"{name}: its name ends in {packed}, but it is not compressed; rename it")
    if max_bytes is not None and plain.stat().st_size > max_bytes:
        raise _too_large(name, max_bytes)
    if form in BINARY:
        return Source(name, plain, form, max_bytes=max_bytes)
    _check_text(plain, name)
    return Source(name, plain, form, find_encoding(plain, name, layout.encoding, tell))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name the file in an error of the system that reads from it, which does not, as when the disk is bad."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or name
        raise


def check_unpacked(source: Source, size: int) -> None:
    """Check that a small file does not unpack to a huge one, where there is a limit.

    Args:
        source: a file of a format that is compressed itself.
        size: the number of bytes that it unpacks to, as it says itself.

    Raises:
        KosbertError: there are more than `UNPACKED` times the bytes that a file may have, or more of a workbook than
            are read into memory at once.
    """
    limit = UNPACKED * source.max_bytes if source.max_bytes is not None else None
    if source.format == "xlsx":
        limit = min(limit or MAX_AT_ONCE, MAX_AT_ONCE)
    if limit is not None and size > limit:
        raise KosbertError(f"{source.name}: unpacks to more than {limit:,} bytes")


def _can_be_read_again(path: Path) -> bool:
    """Return whether a file can be opened several times, each time from its first byte on.

    /dev/stdin and /dev/fd stand for open files, which go on where they were on some systems.
    """
    if path == STANDARD_INPUT or path.parent in (Path("/dev"), Path("/dev/fd")):
        return False
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)  # a folder is refused when it is opened


@contextmanager
def _told_of_waiting(name: str, tell: Tell) -> Iterator[None]:
    """Tell the user what is waited for, if it takes long: a pipe may have no writer, or one that never closes it."""
    line = f"{name}: still reading; processing starts at the end of the input (Ctrl-C stops)"
    timer = threading.Timer(PATIENCE, tell, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read(path: Path, name: str) -> Iterator[bytes]:
    if path != STANDARD_INPUT:
        with path.open("rb") as file:
            _check_no_device(file, name)
            yield from _chunks(file)
    elif sys.stdin is None:
        raise KosbertError(f"{name}: closed; expected a file or a pipe")
    else:
        _check_no_device(sys.stdin.buffer, name)
        yield from _chunks(sys.stdin.buffer)


def _check_no_device(file: IO[bytes], name: str) -> None:
    """Check that a file is no device, such as /dev/zero, but for a terminal that somebody types on."""
    with suppress(io.UnsupportedOperation):  # it is in memory
        mode = os.fstat(file.fileno()).st_mode
        if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not file.isatty():
            raise KosbertError(f"{name}: a device; expected a file or a pipe")


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
def _copied(chunks: Iterator[bytes], name: str, max_bytes: int | None, *, has_lines: bool) -> Iterator[Path]:
    """Give a temporary file with the bytes; what has no end fills no more than half of the disk that is free."""
    with tempfile.NamedTemporaryFile(prefix="kosbert-") as file:
        size, room = 0, shutil.disk_usage(tempfile.gettempdir()).free // 2
        for chunk in _with_lines(chunks, name) if has_lines else chunks:
            size += len(chunk)
            if max_bytes is not None and size > max_bytes:
                raise _too_large(name, max_bytes)
            if size > room:
                raise KosbertError(
                    f"{name}: more than {room:,} bytes, half of what was free in {tempfile.gettempdir()}; "
                    "decompress the file first, or set TMPDIR to a folder with more space"
                )
            _write(file, chunk)
        yield Path(file.name)


def _with_lines(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Pass on the bytes of a text, as long as each of its lines may have an end."""
    line, length = 1, 0
    for chunk in chunks:
        length = 0 if b"\n" in chunk or b"\r" in chunk else length + len(chunk)
        if length > LETTER_BYTES * MAX_LENGTH:
            raise _too_long(name, line)
        line += chunk.count(b"\n")
        yield chunk


def _too_long(name: str, line: int) -> KosbertError:
    return KosbertError(f"{name}, line {line}: more than {MAX_LENGTH:,} characters; expected one text or row per line")


def _too_large(name: str, max_bytes: int) -> KosbertError:
    return KosbertError(f"{name}: more than {max_bytes:,} bytes")


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
            f"{name}: a ZIP archive, as XLSX files are; expected text", hint="if it is XLSX, use --file-format xlsx"
        )
    if start == end == PARQUET:
        raise ReadError(f"{name}: a Parquet file; expected text", hint="use --file-format parquet")
    if start.startswith(OLE):
        raise KosbertError(f"{name}: an Office or Hangul document; expected text; save it as .xlsx, .csv or .txt")
    if start.startswith((GZIP, ZSTD)):
        raise KosbertError(f"{name}: compressed twice; unpack it first")
