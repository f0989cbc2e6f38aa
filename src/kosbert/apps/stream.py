"""Encode a stream of texts of any length to a .npy file, in bounded memory; a run that was killed resumes.

The file grows by one part of the texts at a time. Once a part is safely on disk, a digest of its encoder, texts and
bytes is added to a file in a working folder. When a run resumes, the texts are read again. Parts are kept as long as
their digests fit; everything after them is cut off and encoded again. So the result has the same bytes however often
the run was killed, and never holds a part of another text, model, precision or pool.
"""

import hashlib
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import DTypeLike
from tqdm import tqdm

from kosbert.apps.search import normalize
from kosbert.errors import one_line
from kosbert.inference.encoder import Encoder

FINISHED = "finished"  # the name of the file with the digests, one line for each part
LINE_BYTES = 65  # a SHA-256 in hexadecimal, and the line break


def encode_stream(
    encoder: Encoder,
    texts: Iterable[str],
    out: Path,
    work_dir: Path,
    *,
    part_rows: int,
    dtype: DTypeLike = np.float32,
    normalized: bool = False,
) -> Iterator[list[str]]:
    """Encode texts, and yield each part of them once its embeddings are safely on disk.

    Args:
        encoder: the encoder.
        texts: the texts, from the first one on also when the run resumes.
        out: the .npy file [texts, dimensions], with what an earlier run left of it; complete after the last part.
        work_dir: the folder for the digests; it must be reserved for this process, see `files.exclusive`.
        part_rows: the number of texts that are encoded at once, and that a kill loses at most.
        dtype: the type of the numbers in the file.
        normalized: whether the embeddings are scaled to length 1 before they are rounded to that type.
    """
    number = np.dtype(dtype).newbyteorder("<")
    settings = [encoder.fingerprint, number.str, normalized]
    row_bytes, count = encoder.dimensions * number.itemsize, 0
    finished = work_dir / FINISHED
    out.touch()
    finished.touch()
    try:
        with out.open("r+b") as rows, finished.open("r+b") as digests:
            header_bytes = rows.write(_header(number, 0, encoder.dimensions))
            resuming = True
            for number_of_part, part in enumerate(split(texts, part_rows)):
                if resuming:
                    expected = digests.read(LINE_BYTES)
                    resuming = expected == _line(settings, part, rows.read(row_bytes * len(part)))
                    if expected and not resuming:
                        left = f"the parts of an earlier run are valid up to row {count:,}"
                        tqdm.write(one_line(f"{out}: {left}; resuming from there"), sys.stderr)
                if not resuming:
                    _cut(rows, header_bytes + row_bytes * count)
                    _cut(digests, LINE_BYTES * number_of_part)
                    embeddings = encoder.encode(part)
                    data = np.ascontiguousarray(normalize(embeddings) if normalized else embeddings, number).tobytes()
                    rows.write(data)
                    _sync(rows)
                    digests.write(_line(settings, part, data))
                    digests.flush()
                count += len(part)
                yield part
            _cut(rows, header_bytes + row_bytes * count)
            rows.seek(0)
            rows.write(_header(number, count, encoder.dimensions))
            _sync(rows)
    except OSError as error:
        error.filename = error.filename or str(out)  # the system does not say which disk is full
        raise


def split(texts: Iterable[str], part_rows: int) -> Iterator[list[str]]:
    """Yield texts in parts, all of the same number of rows but the last."""
    remaining = iter(texts)
    while part := list(islice(remaining, part_rows)):
        yield part


def _header(number: np.dtype[np.generic], count: int, dimensions: int) -> bytes:
    """Return the beginning of a .npy file. NumPy reserves room in it, so its length does not depend on the count."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": number.str, "fortran_order": False, "shape": (count, dimensions)}
    )
    return header.getvalue()


def _line(settings: Sequence[object], texts: list[str], data: bytes) -> bytes:
    digest = hashlib.sha256(json.dumps([*settings, texts]).encode())
    digest.update(data)
    return f"{digest.hexdigest()}\n".encode()


def _cut(file: IO[bytes], size: int) -> None:
    file.seek(size)
    file.truncate()


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
