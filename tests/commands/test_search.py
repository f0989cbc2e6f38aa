"""`kosbert search` and `kosbert index` as a user has them: what they print, and one line for what will not do."""

import json

import pytest
from support.commands import invoked

CORPUS = ["눈이 온다.", "비가 온다.", "고양이가 잔다.", "한 남자가 기타를 친다."]


def kosbert(*arguments, code=0):
    done = invoked(*arguments, code=code)
    return done.stdout if code == 0 else done.output


def refused(*arguments):
    output = kosbert(*arguments, code=1)
    assert output.count("\n") == 1
    return output


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join([CORPUS[0], "", *CORPUS[1:]]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tiny, corpus):
    path = corpus.parent / "index"
    kosbert("index", tiny, corpus, path)
    return path


@pytest.mark.parametrize("form", ["corpus", "folder"])
def test_the_nearest_come_first_with_rows_and_cosines(tiny, form, request):
    where = request.getfixturevalue(form)
    query, _, rule, *rows, _ = kosbert("search", tiny, where, CORPUS[2], "--top", 3).splitlines()
    assert (query, set(rule)) == (CORPUS[2], {"-", " "})
    assert rows[0].split(maxsplit=2) == ["3", "1.000", CORPUS[2]]
    assert len(rows) == 3


@pytest.mark.parametrize("form", ["corpus", "folder"])
def test_json_is_a_line_a_query(tiny, form, request, tmp_path):
    queries = tmp_path / "queries.csv"
    queries.write_text(f"id,what\n1,{CORPUS[1]}\n2,{CORPUS[3]}\n", encoding="utf-8")
    options = ("--queries", queries, "--query-column", "what", "--top", 2, "--json")
    lines = kosbert("search", tiny, request.getfixturevalue(form), CORPUS[0], *options).splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["query"] for one in found] == [CORPUS[0], CORPUS[1], CORPUS[3]]
    assert [one["hits"][0]["row"] for one in found] == [1, 2, 4]
    assert all(len(one["hits"]) == 2 and one["hits"][0]["score"] == pytest.approx(1, abs=1e-3) for one in found)
    assert [one["hits"][0]["text"] for one in found] == [CORPUS[0], CORPUS[1], CORPUS[3]]


def test_a_column_and_its_quotes(tiny, tmp_path):
    table = tmp_path / "corpus.tsv"
    table.write_text('id\twhat\n1\t"눈" 온다\n2\t비\n', encoding="utf-8")
    options = ("--column", "what", "--quotes", "letters", "--top", 1, "--json")
    assert json.loads(kosbert("search", tiny, table, '"눈" 온다', *options))["hits"][0]["text"] == '"눈" 온다'
    kosbert("index", tiny, table, tmp_path / "index", *options[:4], "--exact", "--threads", 1)
    assert '"눈" 온다' in kosbert("search", tiny, tmp_path / "index", "눈", "--top", 2)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.txt", None, "a.txt: No such file or directory"),
        ("a.tsv", "one\ttwo\n눈\t비\n".encode(), "several columns; choose with --column"),
        ("a.txt", b"\x7fELF\x01\0\0\0\n", "NUL"),
        ("a.txt", "눈이 온다.".encode("cp949"), "not UTF-8"),
        ("a.txt", b"\n\n", "no texts in it"),
        ("a.parquet", b"\n\n", "not a readable Parquet file"),
    ],
)
def test_a_bad_corpus_is_one_line_and_leaves_nothing(tiny, tmp_path, name, content, line):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert line in refused("search", tiny, path, "눈")
    assert line in refused("index", tiny, path, tmp_path / "index")
    assert [*tmp_path.iterdir()] == [path] * (content is not None)


def test_a_wrong_column_or_queries_are_one_line(tiny, corpus, tmp_path):
    assert "--column is for tables" in refused("search", tiny, corpus, "눈", "--column", "text")
    assert "no.txt: No such file" in refused("search", tiny, corpus, "--queries", tmp_path / "no.txt")
    assert "a QUERY is blank" in refused("search", tiny, corpus, " ")
    assert "no query: give a QUERY" in kosbert("search", tiny, corpus, code=2)
    assert "--query-column needs a file with queries" in kosbert(
        "search", tiny, corpus, "눈", "--query-column", "a", code=2
    )


@pytest.mark.parametrize("form", ["corpus", "folder"])
def test_more_than_there_are_are_all_there_are(tiny, form, request):
    shown = kosbert("search", tiny, request.getfixturevalue(form), "눈", "--top", 9, "--json")
    assert len(json.loads(shown)["hits"]) == 4


def test_no_index_and_a_broken_one_are_one_line(tiny, folder, tmp_path):
    assert "not an index (it has no about.json)" in refused("search", tiny, tmp_path, "눈")
    assert "already exists; search it" in refused("index", tiny, folder.parent / "corpus.txt", folder)
    assert "an index already has its sentences" in kosbert("search", tiny, folder, "눈", "--column", "a", code=2)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[: -1 if path.name == "embeddings.npy" else None])
    assert "damaged index: embeddings.npy has changed" in refused("search", tiny, tmp_path, "눈")


def test_what_is_cheap_to_see_is_said_before_a_model_is_loaded(corpus, folder, tmp_path):
    assert "not an index (it has no about.json)" in refused("search", "nowhere", tmp_path, "눈")
    assert "already exists; search it" in refused("index", "nowhere", corpus, folder)


def test_a_text_sends_no_codes_to_the_terminal(tiny, tmp_path):
    (tmp_path / "corpus.txt").write_text("눈이\x1b[2J 온다.\n비가 온다.\n", encoding="utf-8")
    assert "\x1b" not in kosbert("search", tiny, tmp_path / "corpus.txt", "눈\x1b[2J", "--top", 2)


def test_an_index_of_another_model_is_one_line(tiny, folder, tmp_path):
    from kosbert.encoder.model import load  # noqa: PLC0415 - slow to import

    other = load(tiny)
    other.max_seq_length = 9
    other.save(str(tmp_path / "other"))
    assert "built with another model" in refused("search", tmp_path / "other", folder, "눈")
