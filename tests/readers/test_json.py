"""JSON and JSON Lines: texts, objects, and one line for any other value."""

import json

import pytest

from kosbert.readers.layout import Layout
from kosbert.readers.pairs import read_pairs

ROWS = [{"id": 1, "text": '눈이\n"온다"'}, {"text": None, "id": None}, {"id": [], "text": "", "more": 1}]


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.jsonl", '"눈"\n\n  \n"\\ube44"\nnull', ["눈", "비", ""]),
        ("a.ndjson", '\ufeff"눈"\r\n"비"\r\n', ["눈", "비"]),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS)), ['눈이\n"온다"', "", ""]),
        ("a.jsonl", '"\U0001f600"\n"\\ud83d\\ude00"\n"a\u2028b"', ["\U0001f600", "\U0001f600", "a\u2028b"]),
        ("a.json", json.dumps(ROWS, indent=2), ['눈이\n"온다"', "", ""]),
        ("a.json", '["눈", null, "비"]', ["눈", "", "비"]),
        ("a.json", "[]", []),
        ("a.jsonl", "", []),
    ],
)
def test_values_that_are_texts_or_objects(write, read, told, *, name, content, texts):
    assert read(write(name, content)) == texts
    assert read(write("b.txt", content), format=name.removeprefix("a.").replace("ndjson", "jsonl")) == texts
    assert told == []


def test_a_column_is_chosen_by_its_key(write, read, refused):
    path = write("a.jsonl", '{"q": "눈", "a": "비"}\n{"a": "해", "q": "달"}\n')
    assert read(path, column="a") == ["비", "해"]
    assert refused(path).endswith(": several columns; choose with --column one of 'q', 'a'")
    assert "no column 'b'" in refused(path, column="b")
    assert "--column is for tables" in refused(write("a.jsonl", '"눈"'), column="b")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('"눈"\n\n3\n', "line 3: found a number; expected a text"),
        ('"눈"\n{"text": "비"}', "line 2: found an object; expected a text"),
        ('"눈"\n["비"]', "line 2: found a list; expected a text"),
        ('{"text": "눈"}\n{"text": true}', "line 2: found true or false; expected a text"),
        ('{"text": "눈"}\n{"test": "비"}', "line 2: no 'text' in the object"),
        ('{"text": "눈"}\n"비"', "line 2: expected an object, as in the first row"),
        ('{"text": "눈"}\n{"text": "\\ud800"}', "line 2: a text with a lone surrogate"),
        ('{"text": "눈"}\n{"text": "비"', "line 2: not valid JSON: Expecting ',' delimiter (column 13)"),
        ("눈이 온다\n", "line 1: not valid JSON: Expecting value (column 1)"),
        ("[" * 100_000, "line 1: not readable as JSON: maximum recursion depth exceeded"),
        ("1" * 5_000, "line 1: not readable as JSON: Exceeds the limit"),
        ("{}\n", "line 1: found an object; expected a text"),
    ],
)
def test_another_line_is_refused(write, refused, content, line):
    assert line in refused(write("a.jsonl", content))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"text": ["눈"]}', ": expected a JSON array of texts or of objects, as pandas' orient='records'"),
        ("3", ": expected a JSON array"),
        ("", "line 1: not valid JSON: Expecting value (column 1)"),
        ('["눈",\n 3]', "row 2: found a number; expected a text"),
        ('["눈",\n "비"', "line 2: not valid JSON: Expecting ',' delimiter"),
        (
            '{"text": "눈"}\n{"text": "비"}\n',
            "Extra data (column 1); if each line is JSON by itself, use --file-format jsonl",
        ),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_another_array_is_refused(write, refused, content, line):
    assert line in refused(write("a.json", content))


@pytest.mark.parametrize("score", [3, 3.0, "3", " 3.0 ", 3e0])
def test_pairs_with_scores_of_any_spelling(write, score):
    rows = [{"score": score, "sentence2": "비", "x": None, "sentence1": "눈"}]
    assert read_pairs(write("a.jsonl", json.dumps(rows[0]))) == [("눈", "비", 3.0)]
    assert read_pairs(write("a.json", json.dumps(rows))) == [("눈", "비", 3.0)]
    assert read_pairs(write("b", json.dumps(rows)), layout=Layout(format="json")) == [("눈", "비", 3.0)]
