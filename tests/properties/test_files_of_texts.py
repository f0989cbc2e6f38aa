"""Readers of tables and texts return what was written; from a damaged file, rows or one line."""

import csv
import io

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from support.refusals import read_or_refused
from support.strategies import damaged, plain_sentences, scores, sentences, texts

from kosbert.apps.demo.uploads import read_upload
from kosbert.data import tables
from kosbert.readers.pairs import read_pairs
from kosbert.readers.texts import read_texts

scored = st.builds(tables.ScoredPair, sentences, sentences, scores)
labelled = st.builds(tables.LabelledPair, sentences, sentences, st.sampled_from(tables.LABELS))
plain = st.tuples(plain_sentences, plain_sentences, scores)


@given(rows=st.lists(scored, max_size=6))
def test_a_tune_file_is_read_as_it_was_written(tmp_path, rows):
    tables.write_tune(tmp_path / "x.tsv", rows)
    assert [*tables.read_tune(tmp_path / "x.tsv")] == [(*row[:2], float(row.score)) for row in rows]


@given(rows=st.lists(labelled, max_size=6))
def test_an_nli_table_is_read_as_it_was_written(tmp_path, rows):
    tables.write_nli(tmp_path / "x.tsv", rows)
    assert [*tables.read_nli(tmp_path / "x.tsv")] == rows


@given(rows=st.lists(plain, min_size=1, max_size=6), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_upstream_tables_are_read_to_the_letter(tmp_path, rows, end, bom):
    lines = ["\t".join(tables.STS_COLUMNS), *(f"news\tf\t2012\t1\t{score}\t{one}\t{two}" for one, two, score in rows)]
    (tmp_path / "x.tsv").write_text("\ufeff" * bom + end.join(lines) + end, encoding="utf-8", newline="")
    read = tables.read_korsts(tmp_path / "x.tsv")
    assert [tuple(row) for row in read.rows] == rows
    assert read.skipped.count == 0
    expected = [(one, two, float(score)) for one, two, score in rows]
    assert read_pairs(tmp_path / "x.tsv") == expected


@given(
    rows=st.lists(texts.map(lambda text: text.replace("\0", "")), min_size=1, max_size=6),
    ending=st.sampled_from([".tsv", ".csv", ".parquet"]),
)
def test_a_column_of_texts_is_read_as_it_was_written(tmp_path, rows, ending):
    path = tmp_path / f"x{ending}"
    if ending == ".parquet":
        parquet.write_table(pyarrow.table({"id": range(len(rows)), "text": rows}), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            delimiter = "\t" if ending == ".tsv" else ","
            csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("id", "text"), *enumerate(rows)])
    found = read_or_refused(lambda: [*read_texts(path)])
    if found is None:  # what looks like a quote that swallowed lines
        assert ending == ".tsv"
        assert any("\t" in row and "\n" in row for row in rows)
    else:
        assert found == rows


@pytest.fixture(scope="module")
def complete_files(tmp_path_factory, root):
    """A complete file for each reader."""
    folder = tmp_path_factory.mktemp("complete")
    sts, nli = root / "data/sample/KorSTS/sts-dev.tsv", root / "data/sample/KorNLI/nli.train.ko.tsv"
    head = {path: b"".join(path.read_bytes().splitlines(keepends=True)[:6]) for path in (sts, nli)}
    tables.write_tune(folder / "tune", [tables.ScoredPair('"눈"', "비\n바람", "3.2"), tables.ScoredPair("a", "b", "0")])
    tables.write_nli(folder / "nli", [tables.LabelledPair('"눈"', "비\t바람", "neutral")])
    table = pyarrow.table({"id": [1, 2, 3], "text": ["눈이 온다", None, "비"], "more": [["a"], [], ["b", "c"]]})
    parquet.write_table(table, folder / "parquet")
    return {
        ".parquet": (folder / "parquet").read_bytes(),
        ".csv": '\ufeffid,text\r\n1,"눈이, 온다"\r\n2,"그는 ""네"" 했다"\r\n'.encode(),
        ".txt": "눈이 온다\r\n\n비가 온다".encode(),
        "korsts": head[sts],
        "kornli": head[nli],
        "tune": (folder / "tune").read_bytes(),
        "nli": (folder / "nli").read_bytes(),
    }


READERS = {
    "korsts": lambda path: [*tables.read_korsts_sources(path).rows],
    "kornli": lambda path: [*tables.read_kornli(path).rows],
    "tune": lambda path: [*tables.read_tune(path)],
    "nli": lambda path: [*tables.read_nli(path)],
}


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_a_damaged_table_gives_rows_or_one_line(tmp_path, complete_files, kind, data):
    path = tmp_path / "x.tsv"
    path.write_bytes(data.draw(damaged(complete_files[kind])))
    for read in (READERS[kind], read_pairs, lambda path: [*read_texts(path, column="sentence1")]):
        read_or_refused(read, path)


@pytest.mark.parametrize("ending", [".txt", ".csv", ".parquet"])
@given(data=st.data())
def test_a_damaged_file_or_upload_gives_texts_or_one_line(tmp_path, complete_files, ending, data):
    content = data.draw(damaged(complete_files[ending]))
    (tmp_path / f"x{ending}").write_bytes(content)
    read_or_refused(lambda: [*read_texts(tmp_path / f"x{ending}")])
    read_or_refused(read_upload, f"말{ending}", io.BytesIO(content), None)


@given(
    name=texts,
    column=st.none() | texts,
    ending=st.sampled_from(["", ".csv", ".tsv", ".txt"]),
    content=st.binary(max_size=40),
)
def test_an_upload_of_any_name_gives_texts_or_one_line(name, column, ending, content):
    read_or_refused(read_upload, f"{name}{ending}", io.BytesIO(content), column)
