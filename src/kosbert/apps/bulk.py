"""Files of any size to embeddings, in bounded memory: a run that was killed resumes after its last finished part.

Until the output is complete, a working folder stands beside it. Besides what `stream` keeps there, it has a note of the
run it belongs to, so that no other run drops its work unasked.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click
import numpy as np
import pyarrow
from pyarrow import parquet
from tqdm import tqdm

from kosbert.apps.stream import FINISHED, encode_stream, split
from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write, exclusive, write_text
from kosbert.inference.encoder import Encoder
from kosbert.readers.layout import AS_NAMED, Layout, Tell, ignore
from kosbert.readers.texts import Texts, open_texts

PART_ROWS = 5_000  # rows that are encoded at once, and that a kill loses at most
PROCESS_ROWS = 2_000  # of them for each process, or most processes would wait for a few at the end of each part
MAX_PART_ROWS = 100_000  # so that memory stays bounded
FORMATS = (".parquet", ".npy")
ROWS, NOTE = "rows.npy", "made_of.json"


@dataclass(frozen=True)
class Encoded:
    """What has been encoded.

    Attributes:
        rows: the number of rows.
        truncated: how many of their texts are longer than the encoder reads.
    """

    rows: int
    truncated: int


def encode_file(
    encoder: Encoder,
    source: Path,
    out: Path,
    *,
    column: str | None = None,
    layout: Layout = AS_NAMED,
    tell: Tell = ignore,
    part_rows: int = PART_ROWS,
    overwrite: bool = False,
) -> Encoded:
    """Encode the texts of a file: row i of the output is the embedding of row i of the input, also where it is blank.

    Args:
        encoder: the encoder.
        source: a file of texts, see `open_texts`.
        out: a .parquet file with the columns text and embedding, or a .npy file [rows, dimensions]; in float32.
        column: the column of a table with the texts, see `open_texts`.
        layout: what else is said of the file.
        tell: takes a line for each thing that was found in the file and not said.
        part_rows: the number of rows that are encoded, kept and lost together, at most `MAX_PART_ROWS`.
        overwrite: whether to replace an `out` that exists, and to drop what is left of another run.

    Raises:
        KosbertError: the file has no texts, `out` cannot be written, another process is writing it, or its working
            folder is left of a run with another input, encoder or `part_rows`.
    """
    if not 1 <= part_rows <= MAX_PART_ROWS:
        raise KosbertError(f"part_rows is {part_rows}; expected 1 to {MAX_PART_ROWS:,}")
    check_output(source, out, overwrite=overwrite)
    with open_texts(source, column=column, layout=layout, tell=tell) as texts:
        return _encode(encoder, _Survey.of(texts), out, part_rows=part_rows, overwrite=overwrite)


def _encode(encoder: Encoder, texts: "_Survey", out: Path, *, part_rows: int, overwrite: bool) -> Encoded:
    work_dir = out.parent / f".{out.name}.parts"
    rows, truncated = work_dir / ROWS, 0
    made_of = {"rows a part": part_rows, "input": texts.digest, "model, precision or devices": encoder.fingerprint}
    with exclusive(work_dir, out):
        _claim(work_dir, out, made_of, overwrite=overwrite)
        try:
            parts = encode_stream(encoder, texts.read_again(), rows, work_dir, part_rows=part_rows)
            with tqdm(total=texts.rows, unit=" rows", desc=one_line(Path(texts.texts.name).name)) as bar:
                for part in parts:
                    truncated += encoder.count_truncated(part)
                    bar.update(len(part))
            if out.suffix.lower() == ".npy":
                rows.replace(out)
            else:
                with atomic_write(out) as tmp:
                    _write_parquet(rows, split(texts.read_again(), part_rows), tmp)
        except _ChangedError:
            shutil.rmtree(work_dir)
            raise
        shutil.rmtree(work_dir)
    return Encoded(texts.rows, truncated)


def default_part(processes: int) -> int:
    """Return how many rows to encode at once with a number of processes, so that all of them have work."""
    return min(max(PART_ROWS, PROCESS_ROWS * processes), MAX_PART_ROWS)


def check_output(source: Path, out: Path, *, overwrite: bool) -> None:
    """Check that an output can be written, before anything is done for it.

    Raises:
        KosbertError: it has another format, is a folder or the input itself, or exists already.
    """
    if out.suffix.lower() not in FORMATS:
        raise KosbertError(f"{out}: expected a file name that ends in {' or '.join(FORMATS)}")
    if not out.exists():
        return
    if out.is_dir():
        raise KosbertError(f"{out}: is a folder; expected a file name")
    if source.exists() and out.samefile(source):
        raise KosbertError(f"{out}: this is the input; choose another output")
    if not overwrite:
        raise KosbertError(f"{out}: already exists; choose another output or use --overwrite")


class _ChangedError(KosbertError):
    """The input is not what it was when it was first read."""


@dataclass(frozen=True)
class _Survey:
    """What a first reading of texts has found, and later ones have to find again.

    Reading is cheap beside encoding, and a mistake in the last line is better known before.
    """

    texts: Texts
    rows: int
    digest: str

    @classmethod
    def of(cls, texts: Texts) -> Self:
        """Count texts, and take their digest, whatever the file's format.

        Raises:
            KosbertError: there are none.
        """
        rows, state = 0, hashlib.sha256()
        for text in texts:
            rows += 1
            state.update(json.dumps(text).encode())
        if not rows:
            raise KosbertError(f"{texts.name}: no texts in it")
        return cls(texts, rows, state.hexdigest())

    def read_again(self) -> Iterator[str]:
        """Yield the texts.

        Raises:
            _ChangedError: they are others now; it is raised after the last text.
        """
        changed = _ChangedError(f"{self.texts.name}: changed while it was being encoded; run the command again")
        state = hashlib.sha256()
        try:
            for text in self.texts:
                state.update(json.dumps(text).encode())
                yield text
        except KosbertError as error:  # the survey has read the whole file
            raise changed from error
        if state.hexdigest() != self.digest:
            raise changed


def _claim(work_dir: Path, out: Path, made_of: dict[str, object], *, overwrite: bool) -> None:
    """Check that a working folder is new or left of the same run, and note in it what it is made of."""
    note = work_dir / NOTE
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before = made_of
    except (ValueError, RecursionError):
        before = None
    known = isinstance(before, dict) and made_of.keys() <= before.keys()
    others = [name for name, value in made_of.items() if not known or before[name] != value]
    if others:
        run = f"a run with different {others[0]}" if known else "an unknown run"
        repeat = "repeat that run to finish it, or " if known else ""
        if not overwrite:
            raise KosbertError(f"{out}: {work_dir} belongs to {run}; {repeat}use --overwrite to discard it")
        click.echo(one_line(f"{out}: starting over; the parts of {run} are discarded"), err=True)
        (work_dir / FINISHED).unlink(missing_ok=True)
    write_text(note, json.dumps(made_of, indent=2) + "\n")


def _write_parquet(rows: Path, parts: Iterator[list[str]], out: Path) -> None:
    with rows.open("rb") as file, out.open("wb") as written:  # Arrow takes the name for UTF-8, whatever the locale is
        np.lib.format.read_magic(file)
        (_, dimensions), _, number = np.lib.format.read_array_header_1_0(file)
        embedding = pyarrow.list_(pyarrow.float32(), dimensions)
        schema = pyarrow.schema({"text": pyarrow.string(), "embedding": embedding})
        with parquet.ParquetWriter(written, schema, use_dictionary=False) as table:
            for texts in parts:
                numbers = np.fromfile(file, number, len(texts) * dimensions)
                embeddings = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers), type=embedding)
                table.write_table(pyarrow.table([texts, embeddings], schema=schema))
