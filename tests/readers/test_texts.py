"""Texts from any file of a user: what each form gives, and one clear line for a file that is none of them."""

import csv

import pyarrow
import pytest
from pyarrow import parquet

from kosbert.errors import KosbertError
from kosbert.readers.texts import read_filled, read_texts


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refused(path, **options):
    with pytest.raises(KosbertError) as error:
        list(read_texts(path, **options))
    line = error.value.format_message()
    assert "\n" not in line
    assert str(path) in line
    return line


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("눈이 온다.\n\n비\n", ["눈이 온다.", "", "비"]),
        ("\ufeff눈\r\n비", ["눈", "비"]),
        ('"눈\t비\n', ['"눈\t비']),
        (" 가 \n", [" 가 "]),
        ("가\x0b나\u2028다\x85라\n", ["가\x0b나\u2028다\x85라"]),  # line ends to `splitlines`, not to a file
        ("", []),
    ],
)
def test_a_line_is_a_text(write, content, texts):
    assert list(read_texts(write("corpus.txt", content))) == texts
    assert list(read_texts(write("corpus", content))) == texts


@pytest.mark.parametrize(
    ("name", "content", "options", "texts"),
    [
        ("a.tsv", "id\tsentence\n1\t눈\n2\t\n", {}, ["눈", ""]),
        ("a.TSV", "\ufeffid\ttext\r\n1\t눈\r\n\r\n2\t비", {}, ["눈", "비"]),
        ("a.tsv", "text\tsentence\n눈\t비\n", {}, ["비"]),
        ("a.tsv", "text\tsentence\n눈\t비\n", {"column": "text"}, ["눈"]),
        ("a.tsv", "문장\n눈\n\n비\n", {}, ["눈", "", "비"]),
        ("a.tsv", 'text\tid\n"눈 ""비"""\t1\n', {}, ['눈 "비"']),
        ("a.tsv", 'text\tid\n"눈" 비\t1\n', {"quotes": "letters"}, ['"눈" 비']),
        ("a.csv", 'text,id\n"눈, 비",1\n"두\n줄",2\n', {}, ["눈, 비", "두\n줄"]),
        ("a.csv", 'text,id\n그는 "네"라고,1\n', {}, ['그는 "네"라고']),
    ],
)
def test_a_column_of_a_table(write, name, content, options, texts):
    assert list(read_texts(write(name, content), **options)) == texts


@pytest.mark.parametrize(
    ("name", "content", "options", "line"),
    [
        ("a.txt", "눈\n", {"column": "text"}, "--column is for tables"),
        ("a.txt", "눈\0\n", {}, "text 1: a NUL character"),
        ("a.csv", "text\n눈\n비\0\n", {}, "NUL"),
        ("a.txt", "눈이 온다.\n".encode("cp949"), {}, "not UTF-8 text"),
        ("a.txt", "눈이 온다.\n".encode("utf-16"), {}, "not UTF-8 text"),
        ("a.csv", "text\ncafé\n".encode("latin-1"), {}, "iconv -f cp949 -t utf-8"),
        ("a.csv", b"text\n\xff\xd8\xff\xe0\x00\x10", {}, "not UTF-8 text"),
        ("a.tsv", "", {}, "the file is empty"),
        ("a.tsv", "one\ttwo\n눈\t비\n", {}, "several columns; choose with --column one of 'one', 'two'"),
        ("a.tsv", "one\ttwo\n눈\t비\n", {"column": "three"}, "no column 'three'; choose with --column one of 'one', "),
        ("a.tsv", "text\ttext\n눈\t비\n", {}, "several columns 'text'"),
        ("a.tsv", "\n눈\n", {}, "the header is empty"),
        ("a.tsv", "text\tid\n눈\t1\n비\n", {}, "line 3: 1 columns instead of 2"),
        ("a.csv", "text,id\n눈,1,2\n", {}, "line 2: 3 columns instead of 2"),
        ("a.csv", 'text,id\n"눈,1\n비,2\n', {}, "--quotes letters"),
        ("a.csv", 'text,id\n"눈"비,1\n', {}, "--quotes letters"),
        ("a.tsv", 'text\tid\n"눈\t1\n비"\t2\n', {}, "--quotes letters"),
    ],
)
def test_another_file_is_refused_in_one_line(write, name, content, options, line):
    assert line in refused(write(name, content), **options)


@pytest.mark.parametrize(
    ("name", "content", "options", "found"),
    [
        ("a.txt", "눈\n", {"column": "text"}, "each line is a text"),
        ("a.csv", "one,two\n눈,비\n", {}, "several columns"),
        ("a.csv", "one,two\n눈,비\n", {"column": "three"}, "no column 'three'"),
        ("a.tsv", 'text\tid\n"눈\t1\n비"\t2\n', {}, "a quoted field holds tabs and line breaks"),
    ],
)
def test_what_was_found_is_said_without_the_options_of_the_command_line(write, name, content, options, found):
    path = write(name, content)
    with pytest.raises(KosbertError) as error:
        list(read_texts(path, **options))
    assert str(error.value) == error.value.message
    assert error.value.message.startswith(f"{path}")
    assert error.value.message.endswith(f": {found}")
    assert refused(path, **options).startswith(f"{error.value.message}; ")


def test_a_huge_field_is_read_and_a_monstrous_one_refused(write):
    assert list(read_texts(write("a.csv", "text\n" + "눈" * 100_000 + "\n"))) == ["눈" * 100_000]
    before = csv.field_size_limit(1_000)
    try:
        assert "field larger than field limit" in refused(write("a.csv", "text\n" + "눈" * 2_000 + "\n"))
    finally:
        csv.field_size_limit(before)


def test_lines_are_read_one_by_one(write):
    texts = read_texts(write("a.txt", b"first\n" + b"x\n" * 50_000 + b"\xff\n"))
    assert next(texts) == "first"


@pytest.fixture
def table(tmp_path):
    def table(**columns):
        path = tmp_path / "a.parquet"
        parquet.write_table(pyarrow.table(columns), path)
        return path

    return table


def test_parquet(table):
    assert list(read_texts(table(id=[1, 2, 3], text=["눈", None, "비\0"]))) == ["눈", "", "비\0"]
    assert list(read_texts(table(a=["눈"], b=["비"]), column="b")) == ["비"]
    assert list(read_texts(table(text=pyarrow.array(["눈"] * 9_000, pyarrow.large_string())))) == ["눈"] * 9_000
    assert list(read_texts(table(text=pyarrow.array(["눈", None, "비"]).dictionary_encode()))) == ["눈", "", "비"]
    assert list(read_texts(table(text=pyarrow.array(["눈"], pyarrow.string_view())))) == ["눈"]
    assert list(read_texts(table(text=pyarrow.array([None, None])), column="text")) == ["", ""]


def test_parquet_that_will_not_do(table, write):
    assert "column text holds int64; expected text" in refused(table(text=[1]))
    assert "no column 'b'" in refused(table(a=["눈"], c=["비"]), column="b")
    path = table(text=["눈"] * 100)
    complete = path.read_bytes()
    for content in (b"", b"PAR1", complete[:-10], complete[:30], b"\0" * 500, b"text\n"):
        assert "no Parquet file that we can read" in refused(write("a.parquet", content))


def test_a_file_that_is_not_there(tmp_path):
    for name in ("no.txt", "no.csv", "no.parquet"):
        with pytest.raises(FileNotFoundError):
            list(read_texts(tmp_path / name))


def test_filled_texts(write):
    assert read_filled(write("a.txt", "눈\n \n\n비\n")) == ["눈", "비"]
    with pytest.raises(KosbertError, match="no texts in it"):
        read_filled(write("a.txt", "\n \n"))
    with pytest.raises(KosbertError, match="no texts in it"):
        read_filled(write("a.tsv", "text\n"))
