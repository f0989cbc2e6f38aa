"""The reader of the 4-bit weight file, on a file of a few hundred bytes written here from the format's description."""

import struct

import numpy as np
import pytest

from kosbert.base.q4 import Q4File
from kosbert.errors import KosbertError


def test_sizes_and_pieces_are_read(q4_file):
    file = Q4File(q4_file)
    assert (file.sizes.hidden, file.sizes.layers, file.sizes.heads, file.sizes.feed_forward) == (32, 1, 2, 64)
    assert file.pieces[:5] == [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁한국", -1.5)]


def test_a_block_is_scale_times_nibble_less_eight_low_nibbles_first(tmp_path, write_q4):
    nibbles = bytes([0xF0 | 0x00, 0x0F | 0x80, *[0x88] * 14])
    block = struct.pack("<e", 0.5) + nibbles
    path = write_q4(tmp_path / "w.bin", {"x": (1, 32, block)})
    expected = [-4.0, 3.5, *[0.0] * 14, 3.5, 0.0, *[0.0] * 14]
    assert Q4File(path).tensor("x", 1, 32).tolist() == [expected]


def test_rows_are_read_in_their_order(tmp_path, write_q4):
    blocks = b"".join(struct.pack("<e", scale) + bytes([0x99]) * 16 for scale in (1.0, 2.0, 3.0))
    path = write_q4(tmp_path / "w.bin", {"x": (1, 96, blocks)})
    assert Q4File(path).tensor("x", 3, 32)[:, 0].tolist() == [1.0, 2.0, 3.0]


def test_f32_tensors_are_read_as_they_are(tmp_path, write_q4):
    path = write_q4(tmp_path / "w.bin", {"x": (0, 4, np.array([1, 2, 3, 4], "<f4").tobytes())})
    assert Q4File(path).tensor("x", 2, 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("part", [0, 3, 20, 60, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused_by_name(tmp_path, q4_file, part):
    whole = q4_file.read_bytes()
    cut = tmp_path / "cut.bin"
    cut.write_bytes(whole[: part if isinstance(part, int) else int(part * len(whole))])
    with pytest.raises(KosbertError, match=r"cut\.bin: not a complete E5S1 weight file"):
        Q4File(cut)


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(KosbertError, match="not a complete E5S1 weight file"):
        Q4File(tmp_path / "x.bin")


def test_a_tensor_that_is_not_there_is_named(q4_file):
    with pytest.raises(KosbertError, match=r"no tensor l9\.q\.w of 32 rows"):
        Q4File(q4_file).tensor("l9.q.w", 32, 32)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, bytes(4)),  # of no dimensions
        (44, b"\xff\xff\xff\x7f"),  # pieces: more than embeddings
        (64, b"\xff" * 8),  # bytes of the pieces: more than a number of the machine
        (76, b"\xff" * 4),  # where the second piece starts: after the third
    ],
)
def test_numbers_that_cannot_be_are_refused(tmp_path, q4_file, at, value):
    data = q4_file.read_bytes()
    (tmp_path / "x.bin").write_bytes(data[:at] + value + data[at + len(value) :])
    with pytest.raises(KosbertError, match="not a complete E5S1 weight file"):
        Q4File(tmp_path / "x.bin")


def test_tensors_that_overlap_are_refused(tmp_path, write_q4):
    # A small file could unpack to gigabytes.
    path = write_q4(tmp_path / "x.bin", {name: (0, 64, bytes(256)) for name in "ab"})
    data = path.read_bytes()
    path.write_bytes(data[:-512] + data[-256:])
    with pytest.raises(KosbertError, match="ends before"):
        Q4File(path)
    first, second = (len(data) - 512 - 24 * 2 + 24 * entry + 8 for entry in (0, 1))
    path.write_bytes(data[:second] + data[first : first + 8] + data[second + 8 : -500])
    with pytest.raises(KosbertError, match="overlap"):
        Q4File(path)


def test_a_tensor_of_another_shape_is_refused(tmp_path, write_q4):
    path = write_q4(tmp_path / "x.bin", {"x": (0, 4, bytes(16)), "y": (1, 32, bytes(18))})
    for name, rows, columns in [("x", 1, 3), ("x", 1, 5), ("y", 2, 16)]:
        with pytest.raises(KosbertError, match=f"no tensor {name} of {rows} rows and {columns} columns"):
            Q4File(path).tensor(name, rows, columns)
