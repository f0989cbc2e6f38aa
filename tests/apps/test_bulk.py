"""Bulk encoding gives a row for each row, in any format, and survives being killed, broken and out of disk."""

import errno
import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from kosbert.apps.bulk import MAX_PART_ROWS, Encoded, default_part, encode_file
from kosbert.errors import KosbertError
from kosbert.inference.pool import CHUNK
from kosbert.readers.layout import Layout

TEXTS = ["비가 온다.", "", "한 남자가 기타를 친다.", "비가 온다.", "네", '"따옴표" 하나', "아이들이 논다."]


class Letters:
    """An encoder without a model: it counts, and can be killed."""

    dimensions, max_length = 3, 9  # letters

    def __init__(self, fingerprint="letters:fp32", killed_at=None):
        self.fingerprint, self.killed_at, self.asked = fingerprint, killed_at, []

    def count_truncated(self, texts):
        return sum(len(text) > self.max_length for text in texts)

    def encode(self, texts):
        if len(self.asked) == self.killed_at:
            raise KeyboardInterrupt
        self.asked.append([*texts])
        return np.array([[len(text), text.count(" "), sum(map(ord, text))] for text in texts], np.float32)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return path


@pytest.fixture(params=[".npy", ".parquet"])
def out(request, tmp_path):
    return tmp_path / f"new/out{request.param}"


def work_of(out):
    return out.parent / f".{out.name}.parts"


def killed(source, out, after=2, **options):
    with pytest.raises(KeyboardInterrupt):
        encode_file(Letters(killed_at=after), source, out, part_rows=2, **options)
    assert not out.exists()


def written(out):
    if out.suffix == ".npy":
        return np.load(out, mmap_mode="r")
    return np.array(parquet.read_table(out)["embedding"].to_pylist(), np.float32)


def test_row_i_is_of_row_i_also_where_it_is_blank(source, out):
    encoder = Letters()
    assert encode_file(encoder, source, out, part_rows=3) == Encoded(rows=len(TEXTS), truncated=1)
    assert encoder.asked == [TEXTS[:3], TEXTS[3:6], TEXTS[6:]]
    assert (written(out) == Letters().encode(TEXTS)).all()
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_parquet_has_the_texts_and_lists_of_one_length(source, tmp_path):
    encode_file(Letters(), source, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["text"].to_pylist() == TEXTS
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[3]"


def test_standard_input_resumes_after_a_kill_as_a_file_does(source, out, monkeypatch):
    def stdin():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
        return Path("-")

    killed(stdin(), out)
    last = Letters()
    assert encode_file(last, stdin(), out, part_rows=2) == Encoded(rows=len(TEXTS), truncated=1)
    assert last.asked == [TEXTS[4:6], TEXTS[6:]]
    assert (written(out) == Letters().encode(TEXTS)).all()


def test_what_is_found_in_the_file_is_told_once(tmp_path, out):
    path, told = tmp_path / "texts.csv", []
    path.write_text("1;눈\n2;비\n", encoding="utf-16")
    layout = Layout(header=False)
    assert encode_file(Letters(), path, out, column="2", layout=layout, tell=told.append) == Encoded(2, 0)
    assert told == [f"{path}: read as UTF-16", f"{path}: columns are separated by ';'"]
    assert (written(out) == Letters().encode(["눈", "비"])).all()


def test_a_run_killed_at_every_part_gives_the_bytes_of_one_that_was_not(source, out):
    undisturbed = out.with_stem("undisturbed")
    encode_file(Letters(), source, undisturbed, part_rows=2)
    for _ in range(3):
        killed(source, out, after=1)
    last = Letters()
    encode_file(last, source, out, part_rows=2)
    assert last.asked == [TEXTS[6:]]
    assert out.read_bytes() == undisturbed.read_bytes()


def test_what_was_half_written_when_it_was_killed_is_written_again(source, out):
    killed(source, out)
    with (work_of(out) / "rows.npy").open("ab") as rows:
        rows.write(b"half a row")
    encode_file(Letters(), source, out, part_rows=2)
    assert (written(out) == Letters().encode(TEXTS)).all()


@pytest.mark.parametrize(("position", "kept"), [(-1, 2), (-13, 2), (-25, 0)])
def test_from_a_broken_part_on_it_is_encoded_again_and_said(source, out, capfd, position, kept):
    killed(source, out)
    rows = work_of(out) / "rows.npy"
    data = bytearray(rows.read_bytes())
    data[position] ^= 1
    rows.write_bytes(data)
    encode_file(Letters(), source, out, part_rows=2)
    said = f"{rows}: the parts of an earlier run are valid up to row {kept}; resuming from there\n"
    assert said in capfd.readouterr().err
    assert (written(out) == Letters().encode(TEXTS)).all()


def test_a_broken_header_is_written_anew_and_nothing_lost(source, out):
    killed(source, out)
    rows = work_of(out) / "rows.npy"
    rows.write_bytes(b"?" + rows.read_bytes()[1:])
    last = Letters()
    encode_file(last, source, out, part_rows=2)
    assert last.asked == [TEXTS[4:6], TEXTS[6:]]
    assert (written(out) == Letters().encode(TEXTS)).all()


@pytest.mark.parametrize("name", ["rows.npy", "finished", "made_of.json"])
def test_of_a_working_folder_nothing_is_believed_that_is_not_there(source, out, name):
    killed(source, out)
    (work_of(out) / name).unlink()
    encode_file(Letters(), source, out, part_rows=2)
    assert (written(out) == Letters().encode(TEXTS)).all()


def other_input(source):
    source.write_text("다른 글\n" * 7, encoding="utf-8")
    return {}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (other_input, "input"),
        (lambda _: {"encoder": Letters("another:fp32")}, "model, precision or devices"),
        (lambda _: {"encoder": Letters("letters:bf16")}, "model, precision or devices"),
        (lambda _: {"encoder": Letters("letters:fp32-pool2")}, "model, precision or devices"),
        (lambda _: {"part_rows": 3}, "rows a part"),
    ],
)
def test_parts_of_another_run_are_kept_and_refused_unless_they_may_be_dropped(source, out, capfd, change, what):
    killed(source, out)
    before = (work_of(out) / "rows.npy").read_bytes()
    options = {"encoder": Letters(), "part_rows": 2, **change(source)}
    encoder = options.pop("encoder")
    with pytest.raises(KosbertError, match=f"run with different {what}; repeat that run"):
        encode_file(encoder, source, out, **options)
    assert (work_of(out) / "rows.npy").read_bytes() == before
    encode_file(encoder, source, out, overwrite=True, **options)
    assert f"starting over; the parts of a run with different {what} are discarded" in capfd.readouterr().err
    assert (written(out) == Letters().encode(source.read_text(encoding="utf-8").split("\n")[:-1])).all()


def test_without_the_note_of_a_run_its_parts_are_still_not_mixed_with_those_of_another_encoder(source, out):
    class Negative(Letters):
        def encode(self, texts):
            return -super().encode(texts)

    killed(source, out)
    (work_of(out) / "made_of.json").unlink()
    last = Negative("letters:bf16")
    encode_file(last, source, out, part_rows=2)
    assert len(last.asked) == 4
    assert (written(out) == -Letters().encode(TEXTS)).all()


def test_an_input_that_changes_meanwhile_is_noticed_and_nothing_is_mixed(source, out):
    class Changing(Letters):
        def encode(self, texts):
            if not self.asked:
                source.write_text("".join(f"{text}!\n" for text in TEXTS), encoding="utf-8")
            return super().encode(texts)

    # Longer than what is read ahead of it, so that the change is met.
    source.write_text("".join(f"{text}\n" for text in TEXTS * 3_000), encoding="utf-8")
    with pytest.raises(KosbertError, match="changed while it was being encoded"):
        encode_file(Changing(), source, out, part_rows=100)
    assert not out.exists()
    assert not work_of(out).exists()


def test_a_second_run_at_once_is_refused_and_the_first_undisturbed(source, out):
    killed(source, out)

    class Twice(Letters):
        def encode(self, texts):
            with pytest.raises(KosbertError, match=f"^{out}: another process is writing it$"):
                encode_file(Letters(), source, out, part_rows=2)
            return super().encode(texts)

    encode_file(Twice(), source, out, part_rows=2)
    assert (written(out) == Letters().encode(TEXTS)).all()


def test_when_the_disk_is_full_the_output_is_named_and_what_was_done_is_kept(source, out, monkeypatch):
    calls, sync = [], os.fsync

    def full(file):
        calls.append(file)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        encode_file(Letters(), source, out, part_rows=2)
    assert error.value.filename == str(work_of(out) / "rows.npy")
    rest = Letters()
    encode_file(rest, source, out, part_rows=2)
    assert rest.asked == [TEXTS[4:6], TEXTS[6:]]


def test_an_output_that_is_there_stays_unless_it_may_be_replaced(source, out):
    encode_file(Letters(), source, out)
    before = hashlib.sha256(out.read_bytes()).digest()
    source.write_text("다른 글\n", encoding="utf-8")
    with pytest.raises(KosbertError, match="already exists; choose another output or use --overwrite"):
        encode_file(Letters(), source, out)
    assert hashlib.sha256(out.read_bytes()).digest() == before
    encode_file(Letters(), source, out, overwrite=True)
    assert len(written(out)) == 1


def test_a_part_has_work_for_every_process_and_a_bound():
    assert [default_part(processes) for processes in (1, 2, 8, 256)] == [5_000, 5_000, 16_000, MAX_PART_ROWS]
    assert all(default_part(processes) >= 1.5 * CHUNK * processes for processes in (1, 2, 4, 8, 16, 64, 128))
