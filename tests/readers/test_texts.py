"""Texts from any file of a user: what each form gives, and one clear line for a file that is none of them."""

import unicodedata

import pytest

from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout, ReadError
from kosbert.readers.texts import open_texts, read_filled


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("눈이 온다.\n\n비\n", ["눈이 온다.", "", "비"]),
        ("\ufeff눈\r\n비", ["눈", "비"]),
        ("눈\r비\r\r해", ["눈", "비", "", "해"]),
        ('"눈\t비\n', ['"눈\t비']),
        (" 가 \n", [" 가 "]),
        ("가\x0b나\u2028다\x85라\n", ["가\x0b나\u2028다\x85라"]),  # line ends to `splitlines`, not to a file
        ("", []),
    ],
)
def test_a_line_is_a_text(write, read, told, content, texts):
    assert read(write("corpus.txt", content)) == texts
    assert read(write("corpus", content)) == texts
    assert told == []


@pytest.mark.parametrize(
    ("name", "content", "options", "texts"),
    [
        ("a.tsv", "id\tsentence\n1\t눈\n2\t\n", {}, ["눈", ""]),
        ("a.TAB", "\ufeffid\ttext\r\n1\t눈\r\n\r\n2\t비", {}, ["눈", "비"]),
        ("a.tsv", "\n\nid\ttext\n1\t눈\n", {}, ["눈"]),
        ("a.tsv", "id\t text \r1\t눈\r2\t비\r", {}, ["눈", "비"]),
        ("a.tsv", "text\tsentence\n눈\t비\n", {}, ["비"]),
        ("a.tsv", "text\tsentence\n눈\t비\n", {"column": "text"}, ["눈"]),
        ("a.tsv", "id\t텍스트\n1\t비\n", {}, ["비"]),
        ("a.tsv", "문장\n눈\n\n비\n", {}, ["눈", "", "비"]),
        ("a.tsv", 'text\tid\n"눈 ""비"""\t1\n', {}, ['눈 "비"']),
        ("a.tsv", 'text\tid\n"눈" 비\t1\n', {"quotes": "letters"}, ['"눈" 비']),
        ("a.csv", 'text,id\n"눈, 비",1\n"두\n줄",2\n', {}, ["눈, 비", "두\n줄"]),
        ("a.csv", 'text,id\r"눈, 비",1\r"두\r줄",2\r', {}, ["눈, 비", "두\r줄"]),
        ("a.csv", 'text,id\n그는 "네"라고,1\n', {}, ['그는 "네"라고']),
        ("a.csv", "글,id\n눈,1\n", {"column": unicodedata.normalize("NFD", " 글")}, ["눈"]),
        ("a.csv", unicodedata.normalize("NFD", "문장,id\n눈,1\n"), {}, [unicodedata.normalize("NFD", "눈")]),
        ("a.dat", "id\ttext\n1\t눈\n", {"format": "tsv"}, ["눈"]),
        ("a.csv", "text,id\n눈,1\n", {"format": "text"}, ["text,id", "눈,1"]),
    ],
)
def test_a_column_of_a_table(write, read, told, *, name, content, options, texts):
    assert read(write(name, content), **options) == texts
    assert told == []


@pytest.mark.parametrize(
    ("name", "content", "options", "line"),
    [
        ("a.txt", "눈\n", {"column": "text"}, "--column is for tables"),
        ("a.csv", "text\n눈\n비\0\n", {}, "line 3: a NUL character; this is not a text file"),
        ("a.tsv", "", {}, "the file is empty"),
        ("a.tsv", "\n\n", {}, "it is blank, or the file is empty; if it has no such line, use --no-header"),
        ("a.tsv", "one\ttwo\n눈\t비\n", {}, "several columns; choose with --column one of 'one', 'two'; or, if these "),
        ("a.tsv", "one\ttwo\n눈\t비\n", {"column": "three"}, "no column 'three'; choose with --column one of 'one', "),
        ("a.tsv", "text\ttext\n눈\t비\n", {}, "several columns 'text'"),
        ("a.tsv", "text\tid\n눈\t1\n비\n", {}, "line 3: 1 columns instead of 2: '비'"),
        ("a.csv", "text,id\n눈,1,2\n", {}, "line 2: 3 columns instead of 2"),
        ("a.csv", 'text,id\n"눈,1\n비,2\n', {}, "a quote is never closed; if quotes are letters in this file, use --"),
        (
            "a.csv",
            'text,id\n"눈"비,1\n',
            {},
            "line 2: a field continues after its closing quote; if quotes are letters",
        ),
        ("a.csv", '"눈"비\n', {}, "line 1: a field continues after its closing quote; if quotes are letters"),
        ("a.tsv", 'text\tid\n"눈\t1\n비"\t2\n', {}, "--quotes letters"),
    ],
)
def test_another_file_is_refused_in_one_line(write, refused, *, name, content, options, line):
    assert line in refused(write(name, content), **options)


@pytest.mark.parametrize(
    ("name", "content", "options", "found", "columns"),
    [
        ("a.txt", "눈\n", {"column": "text"}, "each row is a text", []),
        ("a.csv", "one,two\n눈,비\n", {}, "several columns", ["one", "two"]),
        ("a.csv", "one,two\n눈,비\n", {"column": "three"}, "no column 'three'", ["one", "two"]),
        ("a.csv", "두 말\n눈\n", {}, "line 1 may be a column name or a text: '두 말'", ["두 말"]),
        ("a.tsv", 'text\tid\n"눈\t1\n비"\t2\n', {}, "a quoted field contains tabs and line breaks", []),
    ],
)
def test_what_was_found_is_said_without_the_options_of_the_command_line(
    write, refused, *, name, content, options, found, columns
):
    path = write(name, content)
    with pytest.raises(ReadError) as error, open_texts(path, **options):
        pass
    assert str(error.value) == error.value.message
    assert error.value.message.startswith(f"{path}")
    assert error.value.message.removeprefix(f"{path}").endswith(f": {found}")
    assert refused(path, **options).startswith(f"{error.value.message}; ")
    assert error.value.columns == columns


def test_the_columns_of_a_table_are_told_with_its_texts(write):
    for name, content, columns in (
        ("a.csv", " id ,text\n1,눈\n", ["id", "text"]),
        ("a.jsonl", '{"id": 1, "text": "눈"}', ["id", "text"]),
        ("a.txt", "눈", []),
    ):
        with open_texts(write(name, content)) as texts:
            assert texts.columns == columns
    with open_texts(write("a.csv", "눈,비\n"), column="2", layout=Layout(header=False)) as texts:
        assert texts.columns == []
        assert [*texts] == ["비"]


TAKEN = "line 1 ({!r}) was read as the column's name; if it is a text, use --no-header"


@pytest.mark.parametrize("name", ["review_text", "사용자평", "평가(한글)", "리뷰1"])
def test_one_word_above_the_only_column_is_its_name_and_told(write, read, told, name):
    path = write("a.csv", f"{name}\n눈이 온다.\n")
    assert read(path) == ["눈이 온다."]
    assert told == [f"{path}: {TAKEN.format(name)}"]
    told.clear()
    assert read(path, column=name) == ["눈이 온다."]
    assert read(path, header=False) == [name, "눈이 온다."]
    assert told == []


@pytest.mark.parametrize("name", ["문장", "text", "Sentence", "내용", "review"])
def test_a_usual_name_above_the_only_column_needs_no_word(write, read, told, name):
    assert read(write("a.tsv", f"{name}\n눈이 온다.\n")) == ["눈이 온다."]
    assert told == []


@pytest.mark.parametrize("text", ["눈이 온다", "좋아요!", "네.", "123", "가" * 41, "ㅋㅋㅋ~", "id;text"])
def test_what_may_be_a_name_or_a_text_is_asked_about(write, read, refused, text):
    path = write("a.csv", f"{text}\n비가 온다.\n")
    assert refused(path) == (
        f"{path}: line 1 may be a column name or a text: {text[:40]!r}; use --column with that name, or --no-header"
    )
    assert read(path, header=False) == [text, "비가 온다."]
    assert read(path, column=text) == ["비가 온다."]


def test_without_a_header_columns_have_numbers(write, read, refused):
    path = write("a.csv", "1,눈\n2,비\n")
    assert read(path, header=False, column="2") == ["눈", "비"]
    assert "choose with --column a number from 1 to 2" in refused(path, header=False)
    for column in ("3", "0", "-1", "눈", "٢", "2" * 5_000):
        assert "columns are numbered from 1 to 2" in refused(path, header=False, column=column)
    assert read(write("a.csv", "\n눈\n"), header=False) == ["", "눈"]
    assert read(write("a.csv", ""), header=False) == []


def test_a_huge_field_is_read_and_a_monstrous_one_refused(write, read, refused):
    assert read(write("a.csv", "text\n" + "눈" * 200_000 + "\n")) == ["눈" * 200_000]
    line = refused(write("a.csv", 'text,id\n"' + "a,b\n" * (1 << 22) + "\n"))
    assert "a row of more than 10,000,000 characters, as when a quote is never closed" in line


def test_texts_can_be_read_again_and_a_change_that_is_no_text_is_noticed(write):
    with open_texts(write("a.txt", "눈\n비\n")) as texts:
        assert [*texts] == [*texts] == ["눈", "비"]
        write("a.txt", b"\xff\n")
        with pytest.raises(KosbertError, match=r"a\.txt: changed while it was being read; run the command again$"):
            list(texts)


def test_a_file_that_is_not_there(tmp_path, read):
    for name in ("no.txt", "no.csv", "no.parquet", "no.json", "no.xlsx", "no.gz"):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / name)
    for name in ("a", "a.csv", "a.xlsx"):
        (tmp_path / name).mkdir()
        with pytest.raises(IsADirectoryError):
            read(tmp_path / name)


def test_filled_texts(write):
    path = write("a.txt", "눈\n \n\n\u200b\u3164\n비\n")
    assert read_filled(path) == ["눈", "비"]
    with open_texts(path) as texts:
        assert [*texts.filled()] == [(1, "눈"), (5, "비")]
    for name, content in (("a.txt", "\n \n\u200b\n"), ("a.tsv", "text\n"), ("a.jsonl", "\n"), ("a.json", "[]")):
        with pytest.raises(KosbertError, match="no texts in it"):
            read_filled(write(name, content))
