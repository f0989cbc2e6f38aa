"""Files without end, and small ones that unpack to more than any machine has: one line, and no full disk or memory."""

import gzip
import io
import json
import os
import shutil
import sys
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pyarrow
import pytest
from pyarrow import parquet

from kosbert.errors import KosbertError
from kosbert.readers import sheets, sources, table
from kosbert.readers.layout import MAX_LENGTH, MAX_TEXT
from kosbert.readers.pairs import read_pairs
from kosbert.readers.texts import read_filled

LONG = "a" * (MAX_LENGTH + 1)


@pytest.fixture
def pipe(tmp_path):
    """A pipe, and what writes to it: pieces of bytes, for as long as somebody reads them."""

    def pipe(pieces):
        def write():
            with suppress(BrokenPipeError), path.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                    file.flush()

        threading.Thread(target=write, daemon=True).start()
        return path

    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path, pipe


@pytest.fixture
def little_room(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(4_000, 2_000, 2_000))


def forever(piece):
    while True:
        yield piece


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_device_is_no_file(refused, monkeypatch, device):
    assert refused(Path(device)) == f"{device}: a device; expected a file or a pipe"
    with Path(device).open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert refused(Path("-")) == "standard input: a device; expected a file or a pipe"


def test_standard_input_that_is_closed_is_a_line(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert refused(Path("-")) == "standard input: closed; expected a file or a pipe"


def test_a_file_that_cannot_be_read_to_its_end_is_named(tmp_path, read, monkeypatch):
    with (tmp_path / "written").open("w", encoding="utf-8") as file:
        stdin = SimpleNamespace(buffer=io.FileIO(file.fileno(), "rb", closefd=False))
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(OSError, match="Bad file descriptor") as error:
            read(Path("-"))
    assert error.value.filename == "standard input"


@pytest.mark.parametrize("piece", [bytes(1 << 20), b"a" * (1 << 20)])
def test_a_pipe_without_line_ends_is_left_at_the_limit(pipe, refused, piece):
    _, write = pipe

    def pieces():
        yield "눈\n".encode()
        yield from forever(piece)

    assert f"line 2: more than {MAX_LENGTH:,} characters" in refused(write(pieces()))


@pytest.mark.usefixtures("little_room")
def test_a_pipe_without_end_fills_no_disk(pipe, refused):
    _, write = pipe
    line = refused(write(forever(b"a\n" * 99)))
    assert "more than 1,000 bytes, half of what was free in" in line
    assert "TMPDIR" in line


@pytest.mark.usefixtures("little_room")
def test_an_archive_that_unpacks_to_much_fills_no_disk(write, refused, read):
    assert "more than 1,000 bytes, half of what was free" in refused(write("a.gz", gzip.compress(b"a\n" * 1_000)))
    assert read(write("b.gz", gzip.compress(b"a\n" * 500))) == ["a"] * 500


def test_the_user_is_told_what_is_waited_for(pipe, read, told, monkeypatch):
    monkeypatch.setattr(sources, "PATIENCE", 0.05)
    path, write = pipe

    def late():
        while not told:
            time.sleep(0.01)
        yield "눈\n".encode()

    assert read(write(late())) == ["눈"]
    assert told == [f"{path}: still reading; processing starts at the end of the input (Ctrl-C stops)"]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.txt", f"눈\n{LONG}\n", 2),
        ("a.tsv", f"text\n눈\n{LONG}\n", 3),
        ("a.csv", f"id,text\n1,눈\n2,{LONG}\n", 3),
        ("a.jsonl", f'"눈"\n"{LONG}"\n', 2),
    ],
)
def test_a_line_that_is_too_long_is_named(write, refused, name, content, line):
    assert f"{name}, line {line}: more than 10,000,000 characters" in refused(write(name, content))


@pytest.mark.parametrize(("name", "head"), [("a.txt", ""), ("a.csv", "text\n"), ("a.tsv", "text\n")])
def test_a_text_at_the_limit_is_read_and_a_longer_one_named(write, read, refused, name, head):
    text = "눈" * MAX_TEXT
    assert read(write(name, f"{head}{text}\n눈\n")) == [text, "눈"]
    number = 2 + bool(head)
    assert refused(write(name, f"{head}눈\n{text}눈")).endswith(
        f"{name}, line {number}: a text of more than 1,000,000 characters"
    )


def test_a_line_may_be_longer_than_its_text(write, read):
    assert read(write("a.jsonl", json.dumps({"picture": LONG[99:], "text": "눈"}))) == ["눈"]


def test_a_row_of_many_lines_is_bounded(write, refused):
    assert "line 2500001: a row of more than 10,000,000" in refused(write("a.csv", "text,id\n" + '"\n",' * 2_500_001))


def test_json_that_does_not_fit_in_memory_is_a_line(write, read, refused, monkeypatch):
    monkeypatch.setattr(sources, "MAX_AT_ONCE", 100)
    assert refused(write("a.json", '["' + "a" * 99 + '"]')).endswith("more than 100 bytes")
    assert read(write("b.jsonl", '"' + "a" * 99 + '"\n')) == ["a" * 99]
    monkeypatch.setattr(sources, "MAX_AT_ONCE", 1 << 30)
    assert "row 2: a text of more than 1,000,000 characters" in refused(write("c.json", f'["눈", "{LONG}"]'))


def test_texts_that_do_not_fit_in_memory_are_a_line(write, monkeypatch):
    monkeypatch.setattr(table, "MAX_IN_MEMORY", 1_000)
    with pytest.raises(KosbertError, match=r"a\.txt: more than 1,000 bytes of texts, too many to hold in memory"):
        read_filled(write("a.txt", "눈\n" * 100))
    with pytest.raises(KosbertError, match=r"a\.tsv: more than 1,000 bytes of texts"):
        read_pairs(write("a.tsv", "눈\t비\t1\n" * 100))
    assert read_filled(write("b.txt", "눈\n")) == ["눈"]


def workbook(path, change):
    """Write a workbook whose only sheet is changed as XML."""
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["눈"])
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if "worksheets/" in name else content)
    return path


def test_a_sheet_that_names_a_row_far_away_is_left_at_the_last(tmp_path, refused, monkeypatch):
    assert sheets.MAX_ROWS == 1_048_576  # Excel's
    monkeypatch.setattr(sheets, "MAX_ROWS", 1_000)
    path = workbook(tmp_path / "a.xlsx", lambda xml: xml.replace(b'r="2"', b'r="999999999999"'))
    assert refused(path).endswith("not a readable XLSX file: more than 1,000 rows")


def test_a_workbook_that_unpacks_to_much_is_a_line(tmp_path, refused, read, monkeypatch):
    assert read(workbook(tmp_path / "a.xlsx", lambda xml: xml)) == ["눈"]
    monkeypatch.setattr(sources, "MAX_AT_ONCE", 1 << 16)
    path = workbook(tmp_path / "b.xlsx", lambda xml: xml + b" " * (1 << 16))
    assert refused(path).endswith("unpacks to more than 65,536 bytes")


def test_a_column_that_repeats_a_long_text_is_read_in_bounded_memory(tmp_path, read):
    path, long = tmp_path / "a.parquet", "눈" * 200_000
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 200, pyarrow.int32()), pyarrow.array([long]))
    parquet.write_table(pyarrow.table({"text": column}), path, store_schema=False)
    before = pyarrow.default_memory_pool().max_memory()
    assert {*read(path)} == {long}
    assert path.stat().st_size < 100_000
    assert pyarrow.default_memory_pool().max_memory() < max(before, 80_000_000)


def test_a_cell_that_is_too_long_is_a_line(tmp_path, refused):
    parquet.write_table(pyarrow.table({"text": ["눈", LONG[: MAX_TEXT + 1]]}), tmp_path / "a.parquet")
    assert "row 2: a text of more than 1,000,000 characters" in refused(tmp_path / "a.parquet")


@pytest.mark.parametrize("score", ["1" * 1_000_000 + "x", "1" * 1_000 + "x", "9" * 2_000])
def test_a_score_of_many_digits_is_refused_at_once(write, score):
    with pytest.raises(KosbertError, match=r"line 2: score '[19]{24}' is not a number"):
        read_pairs(write("a.tsv", f"sentence1\tsentence2\tscore\n눈\t비\t{score}\n"))
