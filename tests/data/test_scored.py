import csv
import json

import pytest
from support.refusals import check_line

from kosbert.data.scored import read_scored
from kosbert.data.tables import Skipped, read_tune, write_tune
from kosbert.errors import KosbertError
from kosbert.params import ScoredFile

DIGEST = f"sha256:{'0' * 64}"
HURTING = ['"눈"', "비, 눈", "비\t눈", "비\n눈", "비\r\n눈", " 눈 ", "눈\xa0", "a\u2028b", "\ufeff눈", "'", "\\n", "🙂"]
CSV = "sentence1,sentence2,score\n"


def scored_file(**columns):
    return ScoredFile(path="file", digest=DIGEST, rows=1, **columns)


def rows(path, **columns):
    """Return the rows of a file, all of which can be used."""
    read = read_scored(path, scored_file(**columns))
    found = [*read.rows]
    assert read.skipped == Skipped()
    return found


def skipped(path, **columns):
    """Return why the only unusable row of a file is one."""
    read = read_scored(path, scored_file(**columns))
    list(read.rows)
    (line,) = read.skipped.examples
    assert read.skipped.count == 1
    check_line(line)
    return line.removeprefix(f"{path}, ")


def refusal(path, **columns):
    with pytest.raises(KosbertError) as caught:
        list(read_scored(path, scored_file(**columns)).rows)
    check_line(caught.value.message)
    return caught.value.message.removeprefix(str(path))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".CSV"])
def test_a_file_of_each_format_gives_its_rows_and_they_survive_the_table(tmp_path, suffix):
    pairs = [*zip(HURTING, HURTING[::-1], map(str, range(len(HURTING))), strict=True)]
    columns = {"sentence1": "b", "sentence2": "a", "score": "gold", "max_score": len(HURTING)}
    table = [{"gold": score, "id": 1, "a": second, "b": first} for first, second, score in pairs]
    path = tmp_path / f"file{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if "json" in suffix:
            text = json.dumps(table) if suffix == ".json" else "".join(f"{json.dumps(row)}\n" for row in table)
            file.write(text)
        else:
            writer = csv.DictWriter(file, ["gold", "id", "a", "b"], delimiter="\t" if suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(table)
    found = rows(path, **columns)
    expected = [(first, second, int(score) * 5 / len(HURTING)) for first, second, score in pairs]
    assert [(first, second, float(score)) for first, second, score in found] == expected
    write_tune(tmp_path / "tune", found)
    assert list(read_tune(tmp_path / "tune")) == expected


@pytest.mark.parametrize(
    ("score", "max_score", "text"),
    [
        ("3.714285714285714", 5, "3.714285714285714"),
        ("0.3333333333333333", 5, "0.3333333333333333"),
        ("4.90", 5, "4.9"),
        ("0", 5, "0.0"),
        ("-0.0", 5, "0.0"),
        ("5e0", 5, "5.0"),
        ("0.1", 1, "0.5"),
        ("0.27", 1, "1.35"),
        ("1", 1, "5.0"),
        ("3", 4, "3.75"),
        ("100", 100, "5.0"),
        ("4.3", 4.3, "5.0"),
    ],
)
def test_scores_are_brought_to_the_scale_from_0_to_5_without_loss(write, score, max_score, text):
    path = write("file.csv", f"{CSV}a,b,{score}\n")
    assert rows(path, max_score=max_score) == [("a", "b", text)]
    path = write("file.json", f'[{{"sentence1": "a", "sentence2": "b", "score": {score}}}]')
    assert rows(path, max_score=max_score) == [("a", "b", text)]


def test_columns_in_json_may_be_dotted_paths(write):
    path = write("file.json", '[{"text": {"a": "눈", "b": "비"}, "labels": {"label": 5, "real-label": 1.5}}]')
    columns = {"sentence1": "text.a", "sentence2": "text.b", "score": "labels.real-label"}
    assert rows(path, **columns) == [("눈", "비", "1.5")]
    path = write("file.jsonl", '{"text.a": "눈", "text.b": "비", "labels.real-label": "1.5"}')
    assert rows(path, **columns) == [("눈", "비", "1.5")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", f"\ufeff{CSV}a,b,1\n"),
        ("a.csv", f"{CSV}a,b,1".replace("\n", "\r\n")),
        ("a.csv", f'{CSV}\n"a","b","1"\n\n'),
        ("a.json", '\ufeff[{"sentence1": "a", "sentence2": "b", "score": 1}]\r\n'),
        ("a.jsonl", '\ufeff{"sentence1": "a", "sentence2": "b", "score": 1}\r\n\n'),
    ],
)
def test_a_mark_at_the_start_blank_lines_and_line_ends_do_not_matter(write, name, content):
    assert rows(write(name, content)) == [("a", "b", "1.0")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,b", "2 columns instead of 3"),
        ("a,b,1,2", "4 columns instead of 3"),
        ("a,,1", "a sentence is blank"),
        ("a,\u3000,1", "a sentence is blank"),
        ("a,b,", "score '' is not a number"),
        ("a,b,high", "score 'high' is not a number"),
        ("a,b,nan", "score 'nan' is not a number"),
        ("a,b,5.1", "score 5.1 is not between 0 and 5"),
        ("a,b,-0.1", "score -0.1 is not between 0 and 5"),
    ],
)
def test_an_unusable_row_of_csv_is_skipped_with_line_and_reason(write, row, reason):
    assert skipped(write("file.csv", f'{CSV}"c\nd",e,0\n{row}\n')) == f"line 4: {reason}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"score": None}, "expected a value in 'score', found 'sentence1', 'sentence2', 'labels.a'"),
        ({"sentence2": 3}, "sentence2 is 3, which is not text"),
        ({"sentence2": ["a"]}, "sentence2 is ['a'], which is not text"),
        ({"sentence2": "\ud800"}, "a sentence has a lone surrogate, which is not a character"),
        ({"sentence1": ""}, "a sentence is blank"),
        ({"sentence1": "a" * 131_073}, "a sentence has 131,073 characters; at most 131,072 are allowed"),
        ({"score": True}, "score 'True' is not a number"),
        ({"score": float("nan")}, "score 'nan' is not a number"),
        ({"score": float("inf")}, "score 'inf' is not a number"),
        ({"score": [1]}, "score '[1]' is not a number"),
        ({"score": 6}, "score 6 is not between 0 and 5"),
    ],
)
def test_an_unusable_row_of_json_is_skipped_with_its_number_and_reason(write, change, reason):
    good = {"sentence1": "a", "sentence2": "b", "score": 1, "labels": {"a": 1}}
    assert skipped(write("file.json", json.dumps([good, good | change]))) == f"row 2: {reason}"
    lines = f"{json.dumps(good)}\n\n{json.dumps(good | change)}"
    assert skipped(write("file.jsonl", lines)) == f"line 3: {reason}"


@pytest.mark.parametrize("row", ["3", "null", '"a"', "[]", "{}"])
def test_a_row_of_json_that_is_no_object_is_skipped(write, row):
    reason = "expected a value in 'sentence1', found nothing"
    assert skipped(write("file.json", f"[{row}]")) == f"row 1: {reason}"
    assert skipped(write("file.jsonl", row)) == f"line 1: {reason}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", ", line 1: expected one column 'sentence1' (sentence1 in params.yaml), found nothing"),
        (
            "a.csv",
            "sentence1;sentence2;score\n",
            ", line 1: expected one column 'sentence1' (sentence1 in params.yaml), found 'sentence1;sentence2;scor'…",
        ),
        (
            "a.tsv",
            "sentence1\tsentence2\tlabel\n",
            ", line 1: expected one column 'score' (score in params.yaml), found 'sentence1', 'sentence2', 'label'",
        ),
        (
            "a.csv",
            "sentence1,score,sentence2,score\n",
            ", line 1: expected one column 'score' (score in params.yaml), "
            "found 'sentence1', 'score', 'sentence2', 'score'",
        ),
        ("a.csv", f'{CSV}a,b,1\n"a"b,c,1\n', """, line 3: not a valid table: ',' expected after '"'"""),
        ("a.csv", f'{CSV}a,b,1\n"a,b,1\n', ", line 3: not a valid table: unexpected end of data"),
        (
            "a.csv",
            f"{CSV}{'a' * 200_000},b,1\n",
            ", line 2: not a valid table: field larger than field limit (131072)",
        ),
        ("a.json", "", ": not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("a.json", "{}", ": expected a list of objects, found a value of another kind"),
        ("a.json", '[{"a": 1, "a": 2}]', ": not JSON: the name 'a' occurs twice in one object"),
        ("a.json", '[{"a.b": 1, "a": {"b": 2}}]', ", row 1: the name 'a.b' occurs twice in one object"),
        ("a.jsonl", "{}x", ", line 1: not JSON: Extra data: line 1 column 3 (char 2)"),
        ("a.parquet", "PAR1", ": expected the name of a .csv, .tsv, .json or .jsonl file"),
    ],
)
def test_a_file_that_is_not_of_its_kind_is_refused_in_one_line(write, name, content, message):
    assert refusal(write(name, content)) == message


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl"])
def test_a_file_in_another_encoding_is_refused_in_one_line(write, name):
    for encoding in ("utf-16", "cp949"):
        assert refusal(write(name, f"{CSV}눈,비,1\n".encode(encoding))).startswith(": not UTF-8 text: ")


@pytest.mark.parametrize("content", ["[" * 100_000, '[{"a":' * 50_000, f"[{'9' * 5_000}]", "\ud800".join("[]")])
def test_json_of_any_shape_is_refused_in_one_line(write, content):
    assert ": not " in refusal(write("file.json", content.encode(errors="surrogatepass")))
