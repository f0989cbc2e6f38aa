"""Files of any size to embeddings, in bounded memory: a run that was killed goes on from its last finished part.

Until the output is whole, a working folder stands beside it, with a note of what it is made of, a .npy file that grows
by a part of the rows at a time, and the digest of each part. The embeddings of a part depend on the part alone, so that
the output has the same bytes however often the run was killed.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
import numpy as np
import pyarrow
from pyarrow import parquet
from tqdm import tqdm

from kosbert.apps.alone import alone
from kosbert.inference.pytorch import Embedder
from kosbert.readers.pairs import Quotes
from kosbert.readers.texts import read_texts
from kosbert.errors import KosbertError
from kosbert.files import write_text, atomic_write

PART = 5_000  # rows: what is in memory at once, and what a killed run loses at most
FORMATS = (".parquet", ".npy")
NUMBER = np.dtype("<f4")


@dataclass(frozen=True)
class _Job:
    """What is to be encoded, and where the work on it lies."""

    source: Path
    read: Callable[[], Iterator[str]]
    texts: int
    digest: str  # of the texts, whatever the file's format
    part: int  # rows
    dimensions: int
    room: Path

    @property
    def rows(self) -> Path:
        """The .npy file that grows."""
        return self.room / "rows.npy"

    @property
    def finished(self) -> Path:
        """The digest of each finished part, of its texts and their embeddings; a line each."""
        return self.room / "finished"

    @property
    def header(self) -> bytes:
        """What the .npy file begins with."""
        header = io.BytesIO()
        shape = {"descr": NUMBER.str, "fortran_order": False, "shape": (self.texts, self.dimensions)}
        np.lib.format.write_array_header_1_0(header, shape)
        return header.getvalue()

    def parts(self) -> Iterator[list[str]]:
        """Read the texts anew, a part at a time."""
        state = hashlib.sha256()
        try:
            for texts in _parts(self.read(), self.part):
                state.update(json.dumps(texts).encode())
                yield texts
        except KosbertError:  # the whole file has been read before
            state.update(b"changed")
        if state.hexdigest() != self.digest:
            shutil.rmtree(self.room)
            raise KosbertError(f"{self.source}: it was changed while it was encoded; run this again")


def encode_file(
    embedder: Embedder,
    source: Path,
    out: Path,
    *,
    column: str | None = None,
    quotes: Quotes = "auto",
    part: int = PART,
    overwrite: bool = False,
) -> int:
    """Encode the texts of a file: row i of the output is of row i of the input, also where that is blank.

    Args:
        embedder: what makes the embeddings.
        source: a file as `read_texts` takes it; so are `column` and `quotes`.
        out: a .parquet file with the columns text and embedding, or a .npy file [rows, dimensions]; in float32.
        column: see `source`.
        quotes: see `source`.
        part: rows that are encoded, kept and lost together.
        overwrite: whether an `out` that exists is replaced, and what is left of another run dropped.

    Returns:
        The number of rows.

    Raises:
        KosbertError: the file has no such texts, `out` is none that we may write, or another run is writing it.
    """
    check_output(source, out, overwrite=overwrite)
    room = out.parent / f".{out.name}.parts"

    def read() -> Iterator[str]:
        return read_texts(source, column=column, quotes=quotes)

    count, digest = _survey(read(), part)
    if not count:
        raise KosbertError(f"{source}: no texts in it")
    job = _Job(source, read, count, digest, part, embedder.dimensions, room)
    with alone(room, out):
        _settle(job, embedder, out, overwrite=overwrite)
        try:
            _encode(job, embedder)
        except OSError as error:
            error.filename = error.filename or str(out)  # as when the disk is full
            raise
        if out.suffix.lower() == ".npy":
            job.rows.replace(out)
        else:
            with atomic_write(out) as draft:
                _write_parquet(job, draft)
        shutil.rmtree(room)
    return count


def check_output(source: Path, out: Path, *, overwrite: bool) -> None:
    """Check that we may write an output, before anything is done for it.

    Raises:
        KosbertError: it is of another format, a folder, the input itself, or there already.
    """
    if out.suffix.lower() not in FORMATS:
        raise KosbertError(f"{out}: the output's name ends in {' or '.join(FORMATS)}")
    if not out.exists():
        return
    if out.is_dir():
        raise KosbertError(f"{out}: a folder; expected the name of a file")
    if source.exists() and out.samefile(source):
        raise KosbertError(f"{out}: this is the input; choose another output")
    if not overwrite:
        raise KosbertError(f"{out}: exists already; choose another output, or say --overwrite")


def _parts(texts: Iterator[str], part: int) -> Iterator[list[str]]:
    while some := list(islice(texts, part)):
        yield some


def _survey(texts: Iterator[str], part: int) -> tuple[int, str]:
    # Reading is cheap beside encoding, and what is wrong with the last line is better known before.
    count, state = 0, hashlib.sha256()
    for some in _parts(texts, part):
        count += len(some)
        state.update(json.dumps(some).encode())
    return count, state.hexdigest()


def _settle(job: _Job, embedder: Embedder, out: Path, *, overwrite: bool) -> None:
    """See to it that the working folder is of this job."""
    note = job.room / "made_of.json"
    made_of = {
        "rows a part": job.part,
        "input": job.digest,  # read in such parts
        "model": embedder.fingerprint,
        "dimensions": job.dimensions,
    }
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = made_of
        job.finished.unlink(missing_ok=True)  # nothing says of what run
    except (ValueError, RecursionError):
        before = None
    known = isinstance(before, dict) and made_of.keys() <= before.keys()
    other = [name for name, value in made_of.items() if not known or before[name] != value]
    if other:
        run = f"a run with another {other[0]}" if known else "an unknown run"
        repeat = "repeat that one to finish it, or " if known else ""
        if not overwrite:
            raise KosbertError(f"{out}: {job.room} is left of {run}; {repeat}say --overwrite to drop it")
        click.echo(f"{out}: begun anew; what was left of {run} is dropped", err=True)
        job.finished.unlink(missing_ok=True)
        job.rows.unlink(missing_ok=True)
    write_text(note, json.dumps(made_of, indent=2) + "\n")


def _encode(job: _Job, embedder: Embedder) -> None:
    kept = _kept(job)
    done = min(kept * job.part, job.texts)
    with (
        job.rows.open("ab") as rows,
        job.finished.open("a", encoding="ascii") as finished,
        tqdm(total=job.texts, initial=done, unit=" rows", desc=job.source.name) as bar,
    ):
        for texts in islice(job.parts(), kept, None):
            data = np.ascontiguousarray(embedder.encode(texts), NUMBER).tobytes()
            rows.write(data)
            rows.flush()
            os.fsync(rows.fileno())
            finished.write(f"{_digest(texts, data)}\n")
            finished.flush()
            bar.update(len(texts))


def _kept(job: _Job) -> int:
    """Return how many parts are finished and sound. What comes after them is cut off."""
    job.rows.touch()
    job.finished.touch()
    digests = job.finished.read_text(encoding="ascii", errors="replace").split()
    row, kept = NUMBER.itemsize * job.dimensions, 0
    with job.rows.open("r+b") as rows:
        if rows.read(len(job.header)) == job.header:
            for digest, texts in zip(digests, job.parts(), strict=False):
                if _digest(texts, rows.read(row * len(texts))) != digest:
                    break
                kept += 1
        rows.seek(0)
        rows.write(job.header)
        rows.truncate(len(job.header) + row * min(kept * job.part, job.texts))
    if kept < len(digests):
        click.echo(f"{job.rows}: broken after row {kept * job.part:,}; encoded again from there", err=True)
    write_text(job.finished, "".join(f"{digest}\n" for digest in digests[:kept]))
    return kept


def _digest(texts: list[str], data: bytes) -> str:
    return hashlib.sha256(json.dumps(texts).encode() + data).hexdigest()


def _write_parquet(job: _Job, out: Path) -> None:
    embedding = pyarrow.list_(pyarrow.float32(), job.dimensions)
    schema = pyarrow.schema({"text": pyarrow.string(), "embedding": embedding})
    with job.rows.open("rb") as rows, parquet.ParquetWriter(out, schema, use_dictionary=False) as file:
        rows.seek(len(job.header))
        for texts in job.parts():
            numbers = np.fromfile(rows, NUMBER, len(texts) * job.dimensions)
            embeddings = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers), type=embedding)
            file.write_table(pyarrow.table([texts, embeddings], schema=schema))
