"""Pipes and compressed files are read as the files that they hold; what is none of a format's is said in one line."""

import gzip
import io
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pyarrow
import pytest

from kosbert.readers.layout import Layout
from kosbert.readers.texts import open_texts

TABLE = "id,text\n" + "".join(f"{number},눈이 {number}번 온다.\n" for number in range(500))
TEXTS = [f"눈이 {number}번 온다." for number in range(500)]


def zstd(data):
    return pyarrow.Codec("zstd").compress(data).to_pybytes()


PACKINGS = {".gz": gzip.compress, ".zst": zstd}


@pytest.fixture
def stdin(monkeypatch):
    def stdin(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return Path("-")

    return stdin


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_compressed_file_is_read_by_its_inner_ending(write, read, told, ending):
    packed = PACKINGS[ending](TABLE.encode())
    assert read(write(f"a.csv{ending}", packed)) == TEXTS
    assert read(write(f"a.CSV{ending.upper()}", packed * 2)) == [*TEXTS, "text", *TEXTS]
    assert read(write(f"a{ending}", packed)) == TABLE.splitlines()
    assert told == []
    path = write("a.csv", packed)
    assert read(path) == TEXTS
    assert told == [f"{path}: unpacked with {'gzip' if ending == '.gz' else 'zstd'}"]


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_damaged_or_false_archive_is_refused(write, refused, ending):
    packed = PACKINGS[ending](TABLE.encode())
    for content in (packed[:-5], packed[:12], packed[:4], packed + b"more", packed[:30] + b"\0\0\0\0" + packed[34:]):
        assert ": damaged, or not complete: " in refused(write(f"a.csv{ending}", content))
    for content in (b"", b"text\n", TABLE.encode()):
        line = refused(write(f"a.csv{ending}", content))
        assert line.endswith(f": its name ends in {ending}, but it is not compressed; rename it")
    assert "compressed twice; unpack it first" in refused(write(f"a.csv{ending}", gzip.compress(packed)))


@pytest.mark.parametrize("pack", [lambda data: data, *PACKINGS.values()])
def test_standard_input_can_be_read_again(stdin, pack):
    with open_texts(stdin(pack(TABLE.encode())), layout=Layout(format="csv")) as texts:
        assert [*texts] == [*texts] == TEXTS
        assert texts.name == "standard input"


def test_what_is_wrong_with_standard_input_is_said_by_its_name(stdin, refused):
    assert refused(stdin(b"a\n\xff")).startswith("standard input, line 2: not UTF-8 text")
    assert (
        refused(stdin(b"PAR1 and more PAR1"))
        == "standard input: a Parquet file; expected text; use --file-format parquet"
    )


@pytest.mark.parametrize("pack", [lambda data: data, *PACKINGS.values()])
def test_a_pipe_can_be_read_again(tmp_path, pack):
    path = tmp_path / "a.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[pack(TABLE.encode() * 300)])
    writer.start()
    with open_texts(path, layout=Layout(format="text")) as texts:
        assert [*texts] == [*texts] == TABLE.splitlines() * 300
    writer.join()


def test_the_open_files_of_a_shell(tmp_path):
    program = (
        "import sys; from pathlib import Path; from kosbert.readers.texts import read_filled\n"
        "print(*(read_filled(Path(name)) for name in sys.argv[1:]))"
    )
    (tmp_path / "a.txt").write_text("해\n", encoding="utf-8")
    line = f"'{sys.executable}' -c '{program}' <(printf '눈\\n비\\n') /dev/stdin < '{tmp_path / 'a.txt'}'"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "['눈', '비'] ['해']\n"


@pytest.mark.parametrize("pack", [lambda data: data, *PACKINGS.values()])
@pytest.mark.parametrize("source", ["file", "standard input"])
def test_no_more_bytes_are_read_than_are_allowed(write, stdin, read, refused, *, pack, source):
    content = pack(TABLE.encode())
    size = len(TABLE.encode())

    def path():
        return stdin(content) if source == "standard input" else write("a.csv", content)

    assert len(read(path(), format="csv", max_bytes=size)) == 500
    assert refused(path(), max_bytes=size - 1).endswith(f": more than {size - 1:,} bytes")
    assert refused(path(), max_bytes=10).endswith(": more than 10 bytes")


def test_a_small_archive_of_zeros_fills_no_disk(write, refused):
    assert refused(write("a.gz", gzip.compress(bytes(1 << 26))), max_bytes=1 << 16).endswith("more than 65,536 bytes")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.xls", "save it as .xlsx or .csv"),
        ("a.ODS", "save it as .xlsx or .csv"),
        ("a.xlsb", "save it as .xlsx or .csv"),
        ("a.docx", "save its text as .txt, one text on each line"),
        ("a.hwp", "save its text as .txt, one text on each line"),
        ("a.hwpx", "save its text as .txt, one text on each line"),
        ("a.pdf", "save its text as .txt, one text on each line"),
        ("a.zip", "unpack it first"),
        ("a.7z", "unpack it first"),
        ("a.tar.gz", "unpack it first"),
        ("a.csv.bz2", "unpack it first"),
        ("a.csv.xz", "unpack it first"),
    ],
)
def test_well_known_formats_that_cannot_be_read_are_refused_by_name(write, read, refused, name, advice):
    path = write(name, "눈\n")
    assert refused(path).endswith(f" files cannot be read; {advice}")
    if not name.endswith(".gz"):
        assert read(path, format="text") == ["눈"]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.json"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            b"PK\x03\x04 and more",
            "a ZIP archive, as XLSX files are; expected text; if it is XLSX, use --file-format xlsx",
        ),
        (b"PAR1 and more PAR1", "a Parquet file; expected text; use --file-format parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office or Hangul document; expected text"),
    ],
)
def test_content_that_contradicts_the_name_is_recognised(write, refused, name, content, line):
    assert line in refused(write(name, content))


def test_a_text_that_begins_like_parquet_is_a_text(write, read):
    assert read(write("a.txt", "PAR1 is a word\n")) == ["PAR1 is a word"]


def test_when_the_disk_is_full_its_file_is_named(stdin, monkeypatch):
    class Full(io.BytesIO):
        name = "the copy"

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", lambda **_: Full())
    with pytest.raises(OSError, match="No space left") as error, open_texts(stdin(b"a\n")):
        pass
    assert error.value.filename == Full.name
