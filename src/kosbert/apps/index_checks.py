"""Checks of an index's files, so that no number in them leads anywhere else, whoever wrote them.

The digests of an index tell damage, but whoever changes a file can write another digest. usearch follows the numbers in
a graph unchecked, and one that leads out of the file ends the process.
"""

import warnings
from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosbert.apps.repeats import Groups, Numbers
from kosbert.inference.encoder import Embeddings

# The file of a graph, as usearch 2 writes it: its vectors, what the graph is, the levels of its nodes, and the nodes.
# A node has its key, its level, and a list of neighbours for level 0 and for each further one.
MATRIX = np.dtype([("rows", "<u4"), ("columns", "<u4")])
HEADER = np.dtype(
    [
        ("magic", "S7"),
        ("version", "<u2", 3),
        ("kinds", "u1", 4),
        ("present", "<u8"),
        ("deleted", "<u8"),
        ("dimensions", "<u8"),
        ("multi", "u1"),
        ("unused", "u1", 22),
        ("size", "<u8"),
        ("connectivity", "<u8"),
        ("connectivity_base", "<u8"),
        ("max_level", "<u8"),
        ("entry", "<u8"),
    ]
)
NODE = np.dtype([("key", "<u8"), ("level", "<i2")])
OLDEST_MINOR = 10  # a header of an older version 2 is read with other meanings
BLOCK_ROWS, BLOCK_BYTES = 1 << 15, 1 << 20  # what is checked at once
MAX_LENGTH_ERROR = 0.01  # how far fp16 takes an embedding from length 1, and more


def refuse(path: Path, *, unless: bool) -> None:
    """Refuse a file of an index.

    Raises:
        ValueError: `unless` is not so.
    """
    if not unless:
        raise ValueError(f"{path.name} has changed since it was written")


def open_array(path: Path, ndim: int, *dtypes: str) -> NDArray[Any]:
    """Open a .npy file, memory-mapped.

    Args:
        path: the file.
        ndim: the number of its dimensions.
        dtypes: the types that its numbers may have.

    Raises:
        ValueError: it is another file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of some headers that it then refuses
        try:
            array = np.lib.format.open_memmap(path, mode="r")
        except OSError:
            raise
        except Exception as error:  # NumPy reads the header with Python's parser, which may raise nearly anything
            raise ValueError(f"{path.name} has changed since it was written") from error
    refuse(path, unless=array.ndim == ndim and array.dtype.str in dtypes and array.flags.c_contiguous)
    return array


def open_bytes(path: Path) -> NDArray[np.uint8]:
    """Open any file but an empty one, memory-mapped.

    Raises:
        ValueError: it is empty.
    """
    refuse(path, unless=path.stat().st_size > 0)
    return np.memmap(path, np.uint8, "r")


def open_groups(members: Path, starts: Path) -> Groups:
    """Open groups that `Groups.save` wrote, memory-mapped.

    Raises:
        ValueError: they are no groups of the numbers from 0 on, each in one of them.
    """
    groups = Groups(open_array(members, 1, "<u4", "<i8"), open_array(starts, 1, "<i8"))
    refuse(starts, unless=is_rising(groups.starts, len(groups.members)))
    refuse(members, unless=names_each(groups.members, len(groups.members)))
    return groups


def is_rising(numbers: Numbers, last: int) -> bool:
    """Return whether numbers rise from 0 to `last`."""
    ends = len(numbers) > 1 and numbers[0] == 0 and numbers[-1] == last
    return bool(ends and (numbers[1:] > numbers[:-1]).all())


def names_each(numbers: NDArray[np.integer], count: int) -> bool:
    """Return whether numbers are from 0 to `count` - 1, with each of these among them."""
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= count:
        return False
    seen = np.zeros(count, np.bool_)
    seen[numbers] = True
    return bool(seen.all())


def is_text(text: NDArray[np.uint8], ends: Numbers) -> bool:
    """Return whether a line of UTF-8 ends at each of these positions."""
    if not (text[ends - 1] == ord("\n")).all():
        return False
    decoder = getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(text), BLOCK_BYTES):
            decoder.decode(text[start : start + BLOCK_BYTES].tobytes())
    except UnicodeDecodeError:
        return False
    return True


def are_normalized(embeddings: Embeddings) -> bool:
    """Return whether all embeddings have length 1, or are zeros."""
    for start in range(0, len(embeddings), BLOCK_ROWS):
        block = embeddings[start : start + BLOCK_ROWS].astype(np.float32, copy=False)
        squares = np.einsum("ij,ij->i", block, block)
        if not ((squares == 0) | (abs(squares - 1) < 2 * MAX_LENGTH_ERROR)).all():  # NaN is not, either
            return False
    return True


def read_keys(path: Path, empty: bytes) -> NDArray[np.uint64]:
    """Check the file of a graph, and return the key of each of its nodes.

    Args:
        path: the file.
        empty: what usearch writes of a graph that is made alike and has no nodes.

    Raises:
        ValueError: the graph is of another kind, or a number in it leads out of it.
    """
    file = open_bytes(path)
    header, levels_at = _read_header(file, empty, path)
    base, upper = _neighbors(header["connectivity_base"]), _neighbors(header["connectivity"])
    count = int(header["size"])
    levels = np.frombuffer(file, "<i2", count, levels_at).astype(np.int64)
    sizes = NODE.itemsize + base.itemsize + upper.itemsize * levels
    starts = levels_at + 2 * count + np.cumsum(sizes) - sizes
    refuse(path, unless=levels.min() >= 0 and starts[-1] + sizes[-1] == len(file))
    refuse(path, unless=header["entry"] < count and header["max_level"] <= levels[header["entry"]])
    nodes = _overlapping(file, NODE)[starts]
    refuse(path, unless=bool((nodes["level"] == levels).all()))
    level, slots, offset, kind = 0, np.arange(count), NODE.itemsize, base
    while len(slots):
        for block in _blocks(starts[slots] + offset):
            refuse(path, unless=_lead_inside(_overlapping(file, kind)[block], levels, level))
        offset, kind, level = offset + kind.itemsize, upper, level + 1
        slots = slots[levels[slots] >= level]
    keys: NDArray[np.uint64] = nodes["key"]
    return keys


def _read_header(file: NDArray[np.uint8], empty: bytes, path: Path) -> tuple[np.void, int]:
    """Return the header of a graph's file, and where the levels of its nodes begin."""
    expected = np.frombuffer(empty, HEADER, 1, MATRIX.itemsize)[0].copy()
    columns = int(np.frombuffer(empty, MATRIX, 1)[0]["columns"])
    refuse(path, unless=len(file) >= len(empty))
    matrix = np.frombuffer(file, MATRIX, 1)[0]
    at = MATRIX.itemsize + int(matrix["rows"]) * columns
    refuse(path, unless=matrix["rows"] > 0 and matrix["columns"] == columns and len(file) > at + HEADER.itemsize)
    header = np.frombuffer(file, HEADER, 1, at)[0]
    refuse(path, unless=header["version"][1] >= OLDEST_MINOR)
    expected["version"][1:] = header["version"][1:]
    expected["present"] = expected["size"] = matrix["rows"]
    expected["max_level"], expected["entry"] = header["max_level"], header["entry"]
    at += HEADER.itemsize
    refuse(path, unless=header.tobytes() == expected.tobytes() and len(file) > at + 2 * int(matrix["rows"]))
    return header, at


def _neighbors(connectivity: np.uint64) -> np.dtype[np.void]:
    return np.dtype([("count", "<u4"), ("slots", "<u4", int(connectivity))])


def _overlapping(file: NDArray[np.uint8], kind: np.dtype[np.void]) -> NDArray[np.void]:
    """Return a view of a file as records that begin at each of its bytes."""
    return np.ndarray(len(file) - kind.itemsize + 1, kind, file, strides=(1,))


def _blocks(numbers: Numbers) -> Iterator[Numbers]:
    return (numbers[start : start + BLOCK_ROWS] for start in range(0, len(numbers), BLOCK_ROWS))


def _lead_inside(neighbors: NDArray[np.void], levels: Numbers, level: int) -> bool:
    """Return whether lists of neighbours are no longer than their room, and name nodes that have this level."""
    slots, counts = neighbors["slots"], neighbors["count"]
    if counts.max() > slots.shape[1]:
        return False
    slots = slots[np.arange(slots.shape[1]) < counts[:, None]]
    return bool((slots < len(levels)).all() and (levels[slots] >= level).all())
