"""One reader for the tables that users have: what it reads, and the one line for what it does not."""

import unicodedata

import pytest

from kosbert.data.tables import STS_COLUMNS, ScoredPair, read_tune, write_tune
from kosbert.errors import KosbertError
from kosbert.readers.delimited import QUOTES_HINT
from kosbert.readers.layout import Layout
from kosbert.readers.pairs import read_pairs

ROWS = [("눈이 온다.", "비가 온다.", 2.5), ("문이 열린다.", "문이 열려 있다.", 4.0)]
PLAIN = "".join(f"{one}\t{other}\t{score}\n" for one, other, score in ROWS)
HEADED = "sentence1\tsentence2\tscore\n" + PLAIN
UPSTREAM = "\t".join(STS_COLUMNS) + "\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="pairs.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(path, **options):
    with pytest.raises(KosbertError) as caught:
        read_pairs(path, **options)
    line = caught.value.format_message()
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        HEADED,
        HEADED.rstrip("\n"),
        HEADED.replace("\n", "\r\n"),
        "\ufeff" + HEADED,
        "\ufeff" + PLAIN,
        ("\ufeff" + PLAIN).replace("\n", "\r\n"),
        HEADED.replace("\n", "\r"),
        PLAIN.replace("\n", "\r"),
        HEADED.encode("utf-16"),
        "\n" + HEADED.replace("\n", "\n\n"),
        "id\tscore\tsentence2\tnote\tsentence1\n"
        + "".join(f"7\t{score}\t{other}\t\t{one}\n" for one, other, score in ROWS),
        "sentence1\tsentence2\tscore\n" + "".join(f'"{one}"\t"{other}"\t"{score}"\n' for one, other, score in ROWS),
        UPSTREAM + "".join(f"g\tf\ty\t1\t{score}\t{one}\t{other}\n" for one, other, score in ROWS),
    ],
)
def test_the_same_table_in_many_forms(write, content):
    for name in ("pairs.tsv", "pairs.txt", "pairs"):
        assert read_pairs(write(content, name)) == ROWS


@pytest.mark.parametrize("head", ["", "sentence1\tsentence2\tscore\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv", "pairs.txt"])
def test_the_same_table_with_other_delimiters(write, head, delimiter, name):
    told = []
    path = write((head + PLAIN).replace("\t", delimiter), name)
    assert read_pairs(path, tell=told.append) == ROWS
    own = name == "pairs.csv" and delimiter == ","
    assert told == [f"{path}: columns are separated by '{delimiter}'"] * (not own)


def test_without_a_header_columns_have_numbers(write):
    path = write("".join(f"7\t{score}\t{one}\t{other}\n" for one, other, score in ROWS))
    assert read_pairs(path, columns=("3", "4", "2"), layout=Layout(header=False)) == ROWS
    assert read_pairs(write(PLAIN), layout=Layout(header=False)) == ROWS
    assert "score 'score' is not a number" in refusal(write(HEADED), layout=Layout(header=False))
    assert "columns are numbered from 1 to 2" in refusal(write("눈\t비\n"), layout=Layout(header=False))


def test_names_are_compared_as_they_look(write):
    path = write(unicodedata.normalize("NFD", " 글 1\t글 2 \t점수\n") + PLAIN)
    assert read_pairs(path, columns=("글 1", " 글 2", "점수")) == ROWS


def test_columns_of_other_names(write):
    path = write("label\tleft\tright\n" + "".join(f"{score}\t{one}\t{other}\n" for one, other, score in ROWS))
    assert read_pairs(path, columns=("left", "right", "label")) == ROWS


@pytest.mark.parametrize("score", ["-3", "1e3", " 0.25 ", "100"])
def test_scores_are_on_any_scale(write, score):
    assert read_pairs(write(f"눈\t비\t{score}\n"))[0][2] == float(score)


def test_our_tune_files_are_read_as_their_own_reader_does(tmp_path):
    pairs = [('"네"라고 했다.', '그는 "네"', "1.0"), ('"', 'a ""', "2"), ("탭이 없다\r줄바꿈", "끝", "3")]
    write_tune(tmp_path / "tune.tsv", [ScoredPair(*pair) for pair in pairs])
    assert read_pairs(tmp_path / "tune.tsv") == list(read_tune(tmp_path / "tune.tsv"))


def test_quotes_are_letters_in_upstream_korsts_and_on_request(write):
    rows = '0\t"네\t네"\n3\t"네"라고\t""\n'
    wanted = [('"네', '네"', 0.0), ('"네"라고', '""', 3.0)]
    upstream = "".join(f"g\tf\ty\t1\t{row}\n" for row in rows.splitlines())
    assert read_pairs(write(UPSTREAM + upstream)) == wanted
    assert read_pairs(write("score\tsentence1\tsentence2\n" + rows), layout=Layout(quotes="letters")) == wanted


@pytest.mark.parametrize(
    "rows",
    [
        '"네\t네\t1\n',  # never closed
        '"네"라고 했다\t네\t1\n',  # continues after it was closed
        '그는\t"네\t1\n눈이 온다.\t비"\t2\n',  # closed by a letter of the next row, with the right number of columns
    ],
)
@pytest.mark.parametrize("head", ["", "sentence1\tsentence2\tscore\n"])
def test_quotes_that_were_letters_are_noticed_and_swallow_no_rows(write, head, rows):
    path = write(head + PLAIN + rows)
    assert refusal(path).startswith(f"{path}, line {len(path.read_text().splitlines())}: ")
    assert refusal(path).endswith(f"; {QUOTES_HINT}")
    assert len(read_pairs(path, layout=Layout(quotes="letters"))) == 2 + rows.count("\n")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "found nothing"),
        ("\n\n", "found nothing"),
        ("sentence1\tsentence2\tscore\n", "pairs.tsv: no pairs in it"),
        ("sentence1\tsentence2\n눈\t비\n", "pairs.tsv: expected a header with the columns sentence1, sentence2, score"),
        ("sentence1\tsentence2\n눈\t비\n", "found 'sentence1', 'sentence2'"),
        ("sentence1:sentence2:score\n눈:비:1\n", "found 'sentence1:sentence2:scor'…"),
        ("score\tscore\tsentence1\tsentence2\n1\t1\t눈\t비\n", "found 'score', 'score', "),
        ("눈\t비\t많이\n", "found '눈', '비', '많이'"),
        (PLAIN + "눈\t비\t많이\n", "line 3: score '많이' is not a number"),
        (HEADED + "눈\t비\tnan\n", "line 4: score 'nan' is not a number"),
        (HEADED + "눈\t비\t\n", "line 4: score '' is not a number"),
        (HEADED + "눈\t \t1\n", "line 4: a sentence is blank"),
        (HEADED + "\t비\t1\n", "line 4: a sentence is blank"),
        (HEADED + "\u200b\t비\t1\n", "line 4: a sentence is blank"),
        (HEADED + "눈\t비\t1_0\n", "line 4: score '1_0' is not a number"),
        (HEADED + "눈\t비\t３\n", "line 4: score '３' is not a number"),
        (HEADED + "눈\t비\t1\t2\n", "line 4: 4 columns instead of 3: '눈', '비', '1', '2'"),
        (PLAIN[:9].encode("cp949"), "line 1: not UTF-8 text (byte 0xb4: invalid start byte)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not UTF-8 text"),
        (bytes(100), "a NUL character"),
        ("가" * 200_000, "found '가"),
    ],
)
def test_another_file_is_refused_in_one_line(write, content, line):
    assert line in refusal(write(content))


def test_a_column_that_is_not_there_is_named_with_those_that_are(write):
    message = refusal(write(HEADED), columns=("left", "right", "score"))
    assert "the columns left, right, score" in message
    assert message.endswith("found 'sentence1', 'sentence2', 'score'")
