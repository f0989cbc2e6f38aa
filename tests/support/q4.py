"""A writer of the 4-bit weight format, and a whole small file of it."""

import struct
from functools import cache

import numpy as np
from tokenizers import normalizers

HIDDEN, WIDE, POSITIONS = 32, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁한국", "어", "▁", "▁query", "q", "u", "e", "r", "y", ":", "▁que", "ry"]
PIECES += ["▁international", "an", "你好", "한", "국", "<mask>"]
SIZES = (HIDDEN, 1, 2, WIDE, len(PIECES), POSITIONS, 2)

# Where the map of the real file differs from NFKC: characters that it drops, makes spaces of, or leaves alone.
DROPPED = [*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F]
SPACES = [0x09, 0x0A, 0x0C, 0x0D, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD]
LEFT = [0xFF5E, 0x1F23B]


@cache
def normalization():
    """The map of the real file: what replaces a character, for each that is replaced."""
    codes = [*range(0xD800), *range(0xE000, 0x110000)]
    changed = {code: normalizers.NFKC().normalize_str(chr(code)) for code in codes}
    replaced = {chr(code): text for code, text in changed.items() if text != chr(code) and code not in LEFT}
    return replaced | dict.fromkeys(map(chr, DROPPED), "") | dict.fromkeys(map(chr, SPACES), " ")


def normaliser_map(replaced):
    """A map as it stands in a file."""
    entries = sorted(replaced.items())
    data = b"".join(struct.pack(f"<IB{len(text)}I", ord(one), len(text), *map(ord, text)) for one, text in entries)
    return struct.pack("<iI", len(entries), len(data)) + data


def write_q4(path, tensors, pieces=tuple(PIECES), *, sizes=SIZES, normalizer=None):
    """Write a file of tensors, by name: (kind, elements, bytes); with the map of the real file if none is given."""
    blob = "".join(pieces).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in pieces)]).astype("<u4")
    scores = np.array([0 if piece.startswith("<") else -1.5 for piece in pieces], "<f4")
    head = b"E5S1" + struct.pack("<I7ifi", 1, *sizes, 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, len(blob)) + ends.tobytes() + scores.tobytes() + blob
    head += (normalizer or normaliser_map(normalization())) + struct.pack("<i", len(tensors))
    entry_size = sum(2 + len(name.encode()) + struct.calcsize("<BIQQ") for name in tensors)
    offset, entries = len(head) + entry_size, b""
    for name, (kind, count, data) in tensors.items():
        entries += struct.pack("<H", len(name.encode())) + name.encode()
        entries += struct.pack("<BIQQ", kind, count, offset, len(data))
        offset += len(data)
    path.write_bytes(head + entries + b"".join(data for _, _, data in tensors.values()))
    return path


def whole_tensors():
    """Those of a one-layer encoder of random weights."""
    rng = np.random.default_rng(7)

    def matrix(rows, columns):
        blocks = rows * columns // 32
        scales = rng.uniform(0.01, 0.02, blocks).astype("<f2")
        nibbles = rng.integers(0, 256, (blocks, 16), dtype=np.uint8)
        return 1, rows * columns, b"".join(s.tobytes() + n.tobytes() for s, n in zip(scales, nibbles, strict=True))

    def vector(size):
        return 0, size, rng.normal(size=size).astype("<f4").tobytes()

    tensors = {"emb.word": matrix(len(PIECES), HIDDEN), "emb.pos": matrix(POSITIONS, HIDDEN)}
    tensors |= {"emb.type": matrix(2, HIDDEN), "emb.ln.w": vector(HIDDEN), "emb.ln.b": vector(HIDDEN)}
    for name, rows, columns in [
        *((short, HIDDEN, HIDDEN) for short in ("q", "k", "v", "ao")),
        ("fi", WIDE, HIDDEN),
        ("fo", HIDDEN, WIDE),
    ]:
        tensors |= {f"l0.{name}.w": matrix(rows, columns), f"l0.{name}.b": vector(rows)}
    for name in ("aln", "oln"):
        tensors |= {f"l0.{name}.w": vector(HIDDEN), f"l0.{name}.b": vector(HIDDEN)}
    return tensors
