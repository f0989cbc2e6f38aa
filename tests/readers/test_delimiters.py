"""The character that separates columns is found, told, and never guessed at."""

import csv

import pytest

from kosbert.readers.texts import open_texts

ROWS = [("눈이, 온다", "1"), ("비가; 온다", "2"), ("해가 | 뜬다", "3"), ('"네"라고', "4")]
SIGNS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}


def table(delimiter, header="text{}id\n"):
    return header.format(delimiter) + "".join(
        f'"{text.replace(chr(34), chr(34) * 2)}"{delimiter}{number}\n' for text, number in ROWS
    )


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("delimiter", SIGNS)
def test_any_delimiter_is_found_and_told(write, read, told, name, delimiter):
    path, texts = write(name, table(delimiter)), [text for text, _ in ROWS]
    assert read(path) == texts
    assert read(write(name, table(delimiter, "")), header=False, column="1") == texts
    own = delimiter == {"a.csv": ",", "a.tsv": "\t"}[name]
    assert told == [f"{path}: columns are separated by {SIGNS[delimiter]}"] * 2 * (not own)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_with_commas_are_one_column_unless_all_rows_agree(write, read, told, name, end):
    texts = ["하나, 둘", "셋", "넷, 다섯, 여섯", "일곱; 여덟", ""]
    path = write(name, end.join(["문장", *texts, ""]))
    assert read(path) == texts
    assert read(write(name, end.join([*texts, ""])), header=False) == texts
    line = f"{path}: read as one column, because the rows differ in their number of ','"
    assert told == [line] * 2 * (name == "a.csv")


def test_a_comma_far_down_in_one_column_separates_nothing(write, read):
    texts = ["눈이 온다"] * 150 + ["눈, 비"]
    assert read(write("a.csv", "\n".join(["text", *texts]))) == texts


def test_the_endings_own_delimiter_wins(write, read, told):
    assert read(write("a.csv", "a;text,text\n1;눈,비;2\n")) == ["비;2"]
    assert read(write("a.tsv", "a,b\ttext,\n1,눈\t비,2\n"), column="text,") == ["비,2"]
    assert told == []


@pytest.mark.parametrize(
    ("name", "content", "options", "line"),
    [
        (
            "a.csv",
            "a;b|text\n1;2|눈\n",
            {},
            "columns may be separated by ';' or '|'; separate them by commas (.csv) or ",
        ),
        ("a.csv", "id;text\n1;눈\n2;비;x\n3;해\n", {}, "line 3: 3 columns instead of 2: '2', '비', 'x'"),
        ("a.csv", "id,text\n1,눈\n2,비,x\n3,해\n", {}, "line 3: 3 columns instead of 2: '2', '비', 'x'"),
        ("a.csv", "id,text\n" + "1,눈\n" * 200 + "2,비,x\n", {"column": "id"}, "line 202: 3 columns instead of 2"),
        (
            "a.tsv",
            "눈, 비\n해, 달\n",
            {},
            "several columns; choose with --column one of '눈', '비'; or, if these are te",
        ),
        ("a.tsv", "눈, 비\n해, 달\n", {"header": False}, "several columns without a header"),
    ],
)
def test_a_table_that_is_not_clear_is_refused(write, refused, *, name, content, options, line):
    assert line in refused(write(name, content), **options)


@pytest.mark.parametrize("content", ['text\tid\n"눈" 비\t1\n', 'id;text\n1;"눈" 비\n', '문장\n"눈" 비\n'])
def test_letters_are_read_with_every_delimiter(write, read, content):
    assert read(write("a.csv", content), quotes="letters") == ['"눈" 비']


def test_the_process_keeps_its_own_limit_of_a_fields_size(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"sentence\n{'눈' * 200_000}\n비\n", encoding="utf-8")
    before = csv.field_size_limit()
    with open_texts(path) as texts:
        assert [len(text) for text in texts] == [200_000, 1]
        assert csv.field_size_limit() == before
