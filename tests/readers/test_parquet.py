"""Texts and pairs from Parquet, whatever way they are stored in."""

from decimal import Decimal

import pyarrow
import pytest
from pyarrow import parquet

from kosbert.errors import KosbertError
from kosbert.readers.pairs import read_pairs


@pytest.fixture
def table(tmp_path):
    def table(**columns):
        path = tmp_path / "a.parquet"
        parquet.write_table(pyarrow.table(columns), path)
        return path

    return table


def test_texts_of_every_type(table, read, told):
    assert read(table(id=[1, 2, 3], text=["눈", None, "비\0"])) == ["눈", "", "비\0"]
    assert read(table(a=["눈"], b=["비"]), column="b") == ["비"]
    assert read(table(text=pyarrow.array(["눈"] * 9_000, pyarrow.large_string()))) == ["눈"] * 9_000
    assert read(table(text=pyarrow.array(["눈", None, "비"]).dictionary_encode())) == ["눈", "", "비"]
    assert read(table(text=pyarrow.array(["눈"], pyarrow.string_view()))) == ["눈"]
    assert read(table(text=pyarrow.array([None, None])), column="text") == ["", ""]
    assert read(table(text=pyarrow.array([], pyarrow.string()))) == []
    assert told == []


@pytest.mark.parametrize(("cells", "found"), [([1], "a number"), ([b"x"], "bytes"), ([True], "true or false")])
def test_a_column_of_something_else_is_refused(table, refused, cells, found):
    assert f"row 1: found {found}; expected a text" in refused(table(text=cells))


def test_parquet_that_will_not_do(table, write, refused):
    assert "no column 'b'" in refused(table(a=["눈"], c=["비"]), column="b")
    path = table(text=["눈"] * 100)
    complete = path.read_bytes()
    assert "unpacks to more than" in refused(table(text=["눈" * 50_000]), max_bytes=9_000)
    for content in (b"", b"PAR1", complete[:-10], complete[:30], b"\0" * 500, b"text\n"):
        assert "not a readable Parquet file" in refused(write("a.parquet", content))


@pytest.mark.parametrize(
    "scores", [pyarrow.array([1, 5], pyarrow.int8()), [1.0, 5.0], [Decimal("1.0"), Decimal("5.0")], ["1", " 5.0"]]
)
def test_pairs(table, scores):
    path = table(score=scores, sentence2=["눈", "비"], id=[1, 2], sentence1=["해", "달"])
    assert read_pairs(path) == [("해", "눈", 1.0), ("달", "비", 5.0)]
    assert read_pairs(path, columns=("sentence2", "sentence1", "id")) == [("눈", "해", 1.0), ("비", "달", 2.0)]


@pytest.mark.parametrize(
    ("scores", "line"),
    [
        ([1.0, None], "row 2: score '' is not a number"),
        ([float("nan"), 1.0], "row 1: score 'nan' is not a number"),
        ([True, False], "row 1: found true or false; expected a score"),
        ([[1], [2]], r"column 'score' holds list<element: int64>; expected texts or numbers"),
    ],
)
def test_scores_that_are_no_numbers(table, scores, line):
    with pytest.raises(KosbertError, match=line):
        read_pairs(table(score=scores, sentence2=["눈", "비"], sentence1=["해", "달"]))
