"""`kosbert encode` on the command line: real models, several processes, and everything that can be wrong."""

import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import parquet
from support.commands import invoked
from support.encoders import CLOSE

from kosbert.apps import bulk
from kosbert.cli import main
from kosbert.commands.encode import encode
from kosbert.encoder.model import load


def kosbert(*arguments, code=0):
    return invoked("encode", *arguments, code=code)


def refused(*arguments):
    said = kosbert(*arguments, code=1).stderr
    assert said.count("\n") == 1
    return said


@pytest.fixture
def source(tmp_path, sentences):
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{sentence}\n" for sentence in sentences[:40]), encoding="utf-8")
    return path


@pytest.fixture
def plain(tiny, sentences):
    return load(tiny).encode(sentences[:40])


def test_a_file_of_lines_becomes_a_numpy_file(tiny, source, plain, tmp_path):
    out = tmp_path / "out.npy"
    done = kosbert(tiny, source, "--out", out, "--part", 16)
    assert done.stdout == f"{out}: 40 embeddings with {plain.shape[1]} dimensions\n"
    found = np.load(out, mmap_mode="r")
    assert found.dtype == np.float32
    assert np.abs(found - plain).max() < CLOSE


def test_a_column_becomes_a_parquet_file(tiny, source, plain, tmp_path):
    table, out = tmp_path / "texts.tsv", tmp_path / "out.parquet"
    lines = source.read_text(encoding="utf-8").splitlines()
    table.write_text("id\t글\n" + "".join(f"1\t{line}\n" for line in lines), encoding="utf-8")
    kosbert(tiny, table, "--out", out, "--column", "글", "--quotes", "letters")
    found = parquet.read_table(out)
    assert found["text"].to_pylist() == lines
    assert np.abs(np.array(found["embedding"].to_pylist()) - plain).max() < CLOSE


def test_processes_give_what_one_gives(tiny, source, plain, tmp_path):
    kosbert(tiny, source, "--out", tmp_path / "out.npy", "--processes", 2)
    assert np.abs(np.load(tmp_path / "out.npy") - plain).max() < CLOSE


def test_help_says_how_large_a_part_is():
    (part,) = (option for option in encode.params if option.name == "part")
    assert part.show_default == f"{bulk.PART_ROWS:,}, or {bulk.PROCESS_ROWS:,} per process"


def test_int8_gives_nearly_the_same(tiny, source, plain, tmp_path):
    kosbert(tiny, source, "--out", tmp_path / "out.npy", "--int8")
    found = np.load(tmp_path / "out.npy")
    assert 0 < np.abs(found - plain).max() < 0.1 * np.abs(plain).max()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.txt", None, "missing.txt: No such file or directory"),
        ("empty.txt", b"", "empty.txt: no texts in it"),
        ("empty.tsv", b"", "the file is empty"),
        ("binary.txt", b"a\0b\n", "line 1: a NUL character"),
        ("cp949.txt", "안녕\n".encode("cp949"), "not UTF-8"),
        ("table.tsv", b"a\tb\n1\t2\n", "several columns; choose with --column one of 'a', 'b'"),
        ("broken.parquet", b"PAR1 nothing", "not a readable Parquet file"),
    ],
)
def test_input_that_is_none_is_refused_in_a_line_and_leaves_nothing(tiny, tmp_path, name, content, said):
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    before = {*tmp_path.iterdir()}
    assert said in refused(tiny, source, "--out", tmp_path / "out.npy")
    assert {*tmp_path.iterdir()} == before


def test_a_column_that_is_not_there_is_named(tiny, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    said = refused(tiny, table, "--out", tmp_path / "out.npy", "--column", "c")
    assert "no column 'c'; choose with --column one of 'a', 'b'" in said


def test_output_that_cannot_be_is_refused_before_a_model_is_loaded(source, tmp_path):
    for out, said in (
        (tmp_path / "out.csv", "expected a file name that ends in .parquet or .npy"),
        (tmp_path / "folder.npy", "is a folder; expected a file name"),
        (tmp_path / "there.npy", "already exists"),
    ):
        (tmp_path / "folder.npy").mkdir(exist_ok=True)
        (tmp_path / "there.npy").touch()
        assert said in refused("no model at all", source, "--out", out)


def test_the_input_is_never_the_output(tmp_path):
    table = tmp_path / "texts.parquet"
    table.write_bytes(b"kept")
    assert "would overwrite an input (FILE)" in refused("model", table, "--out", table, "--overwrite")
    assert table.read_bytes() == b"kept"


def test_a_folder_that_cannot_be_written_is_named(tiny, source):
    assert "Not a directory" in refused(tiny, source, "--out", source / "out.npy")


def test_a_device_that_is_not_there_is_named(tiny, source, tmp_path):
    assert "device nonsense: not available here" in refused(
        tiny, source, "--out", tmp_path / "out.npy", "--devices", "nonsense"
    )


def test_ways_that_exclude_each_other_are_refused(tiny, source, tmp_path):
    said = kosbert(tiny, source, "--out", tmp_path / "out.npy", "--int8", "--processes", 2, code=2).stderr
    assert "use only one of --processes, --devices and --int8" in said


def test_an_exported_model_encodes_too_also_in_several_processes(tiny, source, plain, tmp_path):
    exported = tmp_path / "exported"
    done = CliRunner().invoke(main, ["export", str(tiny), "--out", str(exported)])
    assert done.exit_code == 0, done.output
    for number, options in enumerate([(), ("--processes", 2)]):
        kosbert(exported, source, "--out", tmp_path / f"{number}.npy", *options)
        assert np.abs(np.load(tmp_path / f"{number}.npy") - plain).max() < 1e-4


def test_a_run_is_not_resumed_with_another_precision_or_pool(tiny, tmp_path, sentences):
    source, out = tmp_path / "texts.txt", tmp_path / "out.npy"
    source.write_text("".join(f"{sentence} {number}\n" for number in range(40) for sentence in sentences), "utf-8")
    command = [sys.executable, "-m", "kosbert", "encode", tiny, source, "--out", out, "--part", "64"]
    with subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL) as killed:
        finished = tmp_path / ".out.npy.parts"
        while killed.poll() is None and not any(file.stat().st_size for file in finished.glob("*finished*")):
            time.sleep(0.01)
        killed.kill()
    assert not out.exists()
    for options in (("--int8",), ("--processes", 2)):
        line = "belongs to a run with different model, precision or devices"
        assert line in refused(tiny, source, "--out", out, "--part", 64, *options)
    kosbert(tiny, source, "--out", out, "--part", 64)
    assert len(np.load(out)) == 40 * len(sentences)
