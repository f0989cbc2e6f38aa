"""Readers of tables and texts return what was written; from a damaged file, rows or one line."""

import csv
import gzip
import io

import pandas
import pyarrow
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils.escape import unescape
from pyarrow import parquet
from support.refusals import read_or_refused
from support.strategies import damaged, plain_sentences, scores, sentences, texts

from kosbert.apps.demo.uploads import read_upload
from kosbert.data import tables
from kosbert.readers.layout import Layout
from kosbert.readers.pairs import read_pairs
from kosbert.readers.texts import open_texts

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
    found = read_or_refused(read_pairs, tmp_path / "x.tsv")
    assert found == (None if any("\0" in text for row in rows for text in row) else expected)


PACKINGS = {"": bytes, ".gz": gzip.compress, ".zst": lambda data: pyarrow.Codec("zstd").compress(data).to_pybytes()}
DELIMITERS = {".csv": ",", ".tsv": "\t"}


@st.composite
def written(draw, folder):
    """Draw a table that pandas wrote; return its path, its texts, and what must be said of it to read it."""
    ending = draw(st.sampled_from([*DELIMITERS, ".jsonl", ".json", ".parquet", ".xlsx"]))
    several, header, said = draw(st.booleans()), True, {}
    cells = texts.map(lambda text: text.replace("\0", "").replace("\ufeff", "").replace("\r", "\n"))
    if ending == ".xlsx":
        cells = cells.filter(lambda text: not ILLEGAL_CHARACTERS_RE.search(text) and not text.startswith(("=", "#")))
    rows = draw(st.lists(cells, min_size=1, max_size=6))
    table = pandas.DataFrame({"id": range(len(rows)), "text": rows} if several else {"text": rows})
    plain = folder / f"plain{ending}"
    if ending in DELIMITERS:
        header = draw(st.booleans())
        # Without a header, another delimiter may be the right one in so few rows as well.
        delimiter = draw(st.sampled_from(",;\t|")) if several and header else DELIMITERS[ending]
        said = draw(st.sampled_from([{"encoding": "cp949"}, {"encoding": "utf-16-le"}, {}]))
        encoding = said.get("encoding") or draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
        end, quoting = draw(st.sampled_from(["\n", "\r\n", "\r"])), [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
        if end != "\r":  # else it leaves line breaks of texts unquoted
            quoting.append(csv.QUOTE_MINIMAL)
        table.to_csv(
            plain,
            sep=delimiter,
            index=False,
            header=header,
            encoding=encoding,
            errors="replace",
            lineterminator=end,
            quoting=draw(st.sampled_from(quoting)),
        )
        rows = [text.encode(encoding, "replace").decode(encoding) for text in rows]
    elif ending in (".json", ".jsonl"):
        table.to_json(plain, orient="records", lines=ending == ".jsonl", force_ascii=draw(st.booleans()))
    elif ending == ".parquet":
        table.to_parquet(plain, index=False)
    else:
        table.to_excel(plain, index=False)
    packing = draw(st.sampled_from([*PACKINGS]))
    path = folder / f"x{ending}{packing}"
    path.write_bytes(PACKINGS[packing](plain.read_bytes()))
    column = ("text" if header else "2") if several else None
    return path, rows, {"column": column, "layout": Layout(header=header, **said)}


def read_all(path, **options):
    with open_texts(path, **options) as opened:
        return [*opened]


@given(data=st.data())
def test_a_table_of_pandas_is_read_as_it_was_written_or_refused(tmp_path, data):
    path, rows, options = data.draw(written(tmp_path))
    found = read_or_refused(read_all, path, **options)
    if ".xlsx" in path.suffixes:
        rows = [*map(unescape, rows)]
        if options["column"] is None:  # trailing blank rows of a sheet are no rows
            rows, found = (None if texts is None else "\n".join(texts).rstrip("\n") for texts in (rows, found))
    event("refused" if found is None else "read")
    assert found in (None, rows)


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
    with (folder / "xlsx").open("wb") as file:
        pandas.DataFrame({"id": [1, 2.5], "text": ["눈", None]}).to_excel(file, index=False)
    return {
        ".parquet": (folder / "parquet").read_bytes(),
        ".csv": '\ufeffid,text\r\n1,"눈이, 온다"\r\n2,"그는 ""네"" 했다"\r\n'.encode(),
        ".jsonl": '{"id": 1, "text": "눈이 온다"}\n\n{"text": null, "id": 2}\n'.encode(),
        ".json": '[{"text": "눈이 온다"}, {"text": null}]'.encode(),
        ".xlsx": (folder / "xlsx").read_bytes(),
        ".csv.gz": gzip.compress("id,text\n1,눈\n".encode()),
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
    for read in (READERS[kind], read_pairs, lambda path: read_all(path, column="sentence1")):
        read_or_refused(read, path)


@pytest.mark.parametrize("ending", [".txt", ".csv", ".jsonl", ".json", ".parquet", ".xlsx", ".csv.gz"])
@given(data=st.data())
def test_a_damaged_file_or_upload_gives_texts_or_one_line(tmp_path, complete_files, ending, data):
    content = data.draw(damaged(complete_files[ending]))
    (tmp_path / f"x{ending}").write_bytes(content)
    read_or_refused(read_all, tmp_path / f"x{ending}")
    read_or_refused(read_upload, f"말{ending}", io.BytesIO(content), None)


@given(
    name=texts,
    column=st.none() | texts,
    ending=st.sampled_from(["", ".csv", ".tsv", ".txt"]),
    content=st.binary(max_size=40),
)
def test_an_upload_of_any_name_gives_texts_or_one_line(name, column, ending, content):
    read_or_refused(read_upload, f"{name}{ending}", io.BytesIO(content), column)
