"""Reader of the 4-bit weight file in which the package index carries multilingual-e5-small.

Layout (little-endian): magic `E5S1`, version, sizes; the SentencePiece unigram pieces with their scores; a
normaliser map, each entry a code point, the number of code points that replace it, and these; a directory of tensors;
the tensors, as f32 or as Q4 blocks. A Q4 block holds 32 weights: an f16 scale d and 16 bytes whose low nibbles are
weights 0-15 and high nibbles weights 16-31, each (q - 8) * d.
"""

import struct
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosbert.errors import KosbertError

MAGIC = b"E5S1"
BLOCK = 32
SHOWN = 40  # how many characters of a name an error shows
Q4_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK // 2,))])


@dataclass(frozen=True)
class Sizes:
    """The shape of the encoder, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int


@dataclass(frozen=True)
class Tensor:
    """The format and position of a tensor in the file."""

    quantised: bool
    elements: int
    offset: int
    length: int


class Q4File:
    """A memory-mapped weight file: sizes and pieces are read at once, tensors when they are asked for.

    Attributes:
        sizes: the shape of the encoder.
        layer_norm_epsilon: the epsilon of every layer norm.
        pieces: (piece, unigram score), by token id.
        normalization: what replaces a character, for each that is replaced.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            KosbertError: the file is not such a weight file, or ends too early.
        """
        self._path = path
        self._at = 0
        try:
            self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
            self._read_header()
        except (struct.error, ValueError, OverflowError) as error:
            raise KosbertError(f"{path}: not a complete {MAGIC.decode()} weight file ({error})") from error

    def _read_header(self) -> None:
        magic, version = self._take("4sI")
        if (magic, version) != (MAGIC, 1):
            raise ValueError(f"begins {magic!r}, version {version}")
        self.sizes = Sizes(*self._take("7i"))
        if min(astuple(self.sizes)) < 1:
            raise ValueError(f"an encoder of {self.sizes}")
        self.layer_norm_epsilon, block = self._take("fi")
        if block != BLOCK:
            raise ValueError(f"blocks of {block} weights, expected {BLOCK}")
        (count, *_special, blob_length) = self._take("5iQ")
        if not 0 <= count <= self.sizes.vocabulary:
            raise ValueError(f"{count} pieces for {self.sizes.vocabulary} embeddings")
        offsets = self._take_array("<u4", count + 1)
        scores = self._take_array("<f4", count)
        blob = self._take_array("u1", blob_length).tobytes()
        if (offsets[1:] < offsets[:-1]).any():  # else each piece could be as long as all of them
            raise ValueError("pieces that overlap")
        self.pieces = [
            (blob[start:end].decode(), float(score))
            for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        ]
        count, length = self._take("iI")
        end = self._at + length
        self.normalization = dict(self._replacement() for _ in range(count))
        if self._at != end:
            raise ValueError(f"a normaliser map of {length} bytes that ends elsewhere")
        self._directory = dict(self._entry() for _ in range(*self._take("i")))
        for name, tensor in self._directory.items():
            if tensor.offset + tensor.length > self._bytes.size:
                raise ValueError(f"ends before tensor {name[:SHOWN]!r}")
        if sum(tensor.length for tensor in self._directory.values()) > self._bytes.size:
            raise ValueError("tensors that overlap")

    def _replacement(self) -> tuple[str, str]:
        code, count = self._take("IB")
        return chr(code), "".join(map(chr, self._take(f"{count}I")))

    def _entry(self) -> tuple[str, Tensor]:
        (length,) = self._take("H")
        name = self._take_array("u1", length).tobytes().decode()
        kind, elements, offset, size = self._take("BIQQ")
        width = Q4_BLOCK.itemsize * elements / BLOCK if kind else 4 * elements
        if kind not in (0, 1) or size != width:
            raise ValueError(f"tensor {name[:SHOWN]!r}: kind {kind}, {elements} elements in {size} bytes")
        return name, Tensor(bool(kind), elements, offset, size)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self._bytes.data, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return values

    def _take_array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self._bytes, dtype, count, self._at)
        self._at += values.nbytes
        return values

    def tensor(self, name: str, rows: int, columns: int) -> NDArray[np.float32]:
        """Return a tensor as f32 [rows, columns].

        Raises:
            KosbertError: there is no tensor of this name and shape.
        """
        entry = self._directory.get(name)
        block = BLOCK if entry and entry.quantised else 1
        if not entry or entry.elements != rows * columns or columns % block:
            raise KosbertError(f"{self._path}: no tensor {name} of {rows} rows and {columns} columns")
        dtype = Q4_BLOCK if entry.quantised else np.dtype("<f4")
        stored: NDArray[Any] = np.frombuffer(self._bytes, dtype, entry.elements // block, entry.offset)
        if not entry.quantised:
            return stored.reshape(rows, columns).astype(np.float32)
        nibbles = np.concatenate([stored["nibbles"] & 15, stored["nibbles"] >> 4], axis=-1)
        weights: NDArray[np.float32] = (nibbles.astype(np.float32) - 8) * stored["scale"].astype(np.float32)[..., None]
        return weights.reshape(rows, columns)
