from pathlib import Path

import pytest
from support.refusals import check_line

from kosbert.data.tables import (
    LabelledPair,
    ScoredPair,
    Skipped,
    is_blank,
    parse_score,
    read_kornli,
    read_korsts,
    read_korsts_sources,
    read_nli,
    read_tune,
    write_nli,
    write_tune,
)
from kosbert.errors import KosbertError
from kosbert.files import digest

ROOT = Path(__file__).parents[2]
KORNLU = ROOT.parent / "shared" / "kornlu"
STS_HEADER = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2"
NLI_HEADER = "sentence1\tsentence2\tgold_label"
BEFORE = "main-news\tMSRpar\t2012test\t0001"

needs_kornlu = pytest.mark.skipif(not KORNLU.is_dir(), reason=f"{KORNLU}, a mirror of KorNLU, is not here")

HURTING = [
    '"슈퍼맨" 셔츠',
    '"',
    '""',
    'a "b" c "',
    "a\tb",
    "\t",
    " a ",
    "",
    " ",
    "\u3000",
    "a\u2028b",
    "a\u0085b",
    "\u0085",
    "a\x0b\x0c\x1cb",
    "a\nb",
    "a\rb",
    "a\r\nb\r",
    '"\r',
    "'",
    "\\",
    "\ufeffa",
    "가나",  # decomposed
    "🙂",
]


@pytest.fixture
def file(tmp_path):
    """Return a function that writes text or bytes to a file and gives its path."""

    def write(content):
        path = tmp_path / "table.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(read, path):
    with pytest.raises(KosbertError) as caught:
        list(read(path))
    return caught.value.message


def korsts_rows(path):
    return list(read_korsts(path).rows)


def kornli_rows(path):
    return list(read_kornli(path).rows)


def sts(*rows, end="\n"):
    return "\n".join([STS_HEADER, *(f"{BEFORE}\t{row}" for row in rows)]) + end


def nli(*rows, end="\n"):
    return "\n".join([NLI_HEADER, *rows]) + end


def test_quotes_upstream_are_letters(file):
    path = file(sts('1.000\t"열린 따옴표\t"슈퍼맨" 셔츠', '2.5\t"\ta""b'))
    assert korsts_rows(path) == [('"열린 따옴표', '"슈퍼맨" 셔츠', "1.000"), ('"', 'a""b', "2.5")]
    path = file(nli('"열린\t"\tneutral', 'a\tb"\tentailment'))
    assert kornli_rows(path) == [('"열린', '"', "neutral"), ("a", 'b"', "entailment")]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\n").removesuffix("\r\n"),
        lambda text: "\ufeff" + text,
    ],
    ids=["no last newline", "CRLF", "CRLF, no last newline", "BOM"],
)
def test_upstream_files_are_read_alike_whatever_their_line_ends(file, change):
    assert korsts_rows(file(change(sts("5.0\ta\tb", "0\tc\td")))) == [("a", "b", "5.0"), ("c", "d", "0")]
    assert kornli_rows(file(change(nli("a\tb\tneutral", "c\td\tentailment")))) == [
        ("a", "b", "neutral"),
        ("c", "d", "entailment"),
    ]


def test_rows_are_read_with_their_origin_and_the_same_ones_skipped(file):
    path = file(sts('1.0\t"a\tb', "?\tc\td", "2\t\tf", "3\tg\th"))
    with_source, without = read_korsts_sources(path), read_korsts(path)
    assert list(with_source.rows) == [(*row, "main-news", "MSRpar") for row in without.rows]
    assert with_source.skipped == without.skipped
    assert with_source.skipped.count == 2


def test_only_a_newline_ends_an_upstream_row(file):
    path = file(nli("a\u2028b\u0085c\x0bd\x1ce\tf\rg\tneutral"))
    assert kornli_rows(path) == [("a\u2028b\u0085c\x0bd\x1ce", "f\rg", "neutral")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1.0\ta", "6 columns instead of 7"),
        ("1.0\ta\tb\tc", "8 columns instead of 7"),
        ("1.0\t\tb", "a sentence is blank"),
        ("1.0\ta\t \u3000", "a sentence is blank"),
        (f"1.0\ta\t{'b' * 131_073}", "a sentence has 131,073 characters; at most 131,072 are allowed"),
        ("high\ta\tb", "score 'high' is not a number"),
        ("\ta\tb", "score '' is not a number"),
        ("nan\ta\tb", "score 'nan' is not a number"),
        ("inf\ta\tb", "score 'inf' is not a number"),
        ("5.001\ta\tb", "score 5.001 is not between 0 and 5"),
        ("-0.1\ta\tb", "score -0.1 is not between 0 and 5"),
    ],
)
def test_an_unusable_korsts_row_is_skipped_with_line_and_reason(file, row, reason):
    path = file(sts("0\tc\td", row, "5\te\tf"))
    read = read_korsts(path)
    assert list(read.rows) == [("c", "d", "0"), ("e", "f", "5")]
    assert read.skipped == Skipped(1, [f"{path}, line 3: {reason}"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a\tb", "2 columns instead of 3"),
        ("a\tb\tneutral\t", "4 columns instead of 3"),
        ("", "1 columns instead of 3"),
        ("a\t\tneutral", "a sentence is blank"),
        ("a\tb\t-", "label '-' is none of contradiction, entailment, neutral"),
        ("a\tb\t", "label '' is none of contradiction, entailment, neutral"),
    ],
)
def test_an_unusable_kornli_row_is_skipped_with_line_and_reason(file, row, reason):
    path = file(nli("c\td\tneutral", "e\tf\tcontradiction", row))
    read = read_kornli(path)
    assert list(read.rows) == [("c", "d", "neutral"), ("e", "f", "contradiction")]
    assert read.skipped == Skipped(1, [f"{path}, line 4: {reason}"])


def test_skipped_rows_are_all_counted_and_the_first_three_kept(file):
    path = file(nli("a\tb\tneutral", *["a"] * 5, "c\td\tneutral"))
    read = read_kornli(path)
    assert len(list(read.rows)) == 2
    assert read.skipped == Skipped(5, [f"{path}, line {number}: 1 columns instead of 3" for number in (3, 4, 5)])


@pytest.mark.parametrize(
    ("read", "content", "columns", "found"),
    [
        (
            korsts_rows,
            nli(),
            "genre, filename, year, id, score, sentence1, sentence2",
            "'sentence1', 'sentence2', 'gold_label'",
        ),
        (korsts_rows, "", "genre, filename, year, id, score, sentence1, sentence2", "''"),
        (kornli_rows, "a\tb\tneutral\n", "sentence1, sentence2, gold_label", "'a', 'b', 'neutral'"),
    ],
    ids=["KorNLI for KorSTS", "empty file", "no header"],
)
def test_another_header_is_refused_with_file_line_and_both_headers(file, read, content, columns, found):
    path = file(content)
    assert refusal(read, path) == f"{path}, line 1: expected the columns {columns}, found {found}"


def test_tune_files_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "tune.tsv"
    rows = [ScoredPair(one, other, "2.500") for one in HURTING for other in HURTING]
    write_tune(path, rows)
    assert list(read_tune(path)) == [(row.sentence1, row.sentence2, 2.5) for row in rows]


def test_nli_tables_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "nli.tsv"
    full = [text for text in HURTING if text.strip()]
    rows = [LabelledPair(one, other, "entailment") for one in full for other in full]
    write_nli(path, rows)
    assert list(read_nli(path)) == rows


def test_a_tune_file_has_the_bytes_of_the_original_project(tmp_path):
    path = tmp_path / "tune.tsv"
    write_tune(path, [ScoredPair('"슈퍼맨" 셔츠', " 한 남자 ", "0.250"), ScoredPair("it's", "b", "5")])
    assert path.read_bytes() == '"""슈퍼맨"" 셔츠"\t 한 남자 \t0.250\nit\'s\tb\t5\n'.encode()


def test_an_nli_table_has_a_header_and_the_same_quoting(tmp_path):
    path = tmp_path / "nli.tsv"
    write_nli(path, [LabelledPair('"', "나", "neutral")])
    assert path.read_bytes() == 'premise\thypothesis\tlabel\n""""\t나\tneutral\n'.encode()


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("a\tb\t1\nc\td\n", 2, "2 columns instead of 3"),
        ("a\tb\t1\nc\td\t1\te\n", 2, "4 columns instead of 3"),
        ("a\tb\t1\n\nc\td\t1\n", 2, "0 columns instead of 3"),
        ("a\tb\tscore\n", 1, "score 'score' is not a number"),
        ("a\tb\tnan\n", 1, "score 'nan' is not a number"),
        ('"a\nb"\tb\t1\nc\td\t6\n', 3, "score 6 is not between 0 and 5"),
    ],
)
def test_a_bad_tune_row_is_refused_with_file_and_line(file, content, line, reason):
    path = file(content)
    assert refusal(read_tune, path) == f"{path}, line {line}: expected sentence1, sentence2, score: {reason}"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c\td", "2 columns instead of 3"),
        ("c\td\tneutral\te", "4 columns instead of 3"),
        ("c\t\tneutral", "a sentence is blank"),
        ("c\td\t-", "label '-' is none of contradiction, entailment, neutral"),
    ],
)
def test_a_bad_row_of_an_nli_table_is_refused_with_file_and_line(file, row, reason):
    path = file(f"premise\thypothesis\tlabel\na\tb\tneutral\n{row}\n")
    assert refusal(read_nli, path) == f"{path}, line 3: expected premise, hypothesis, label: {reason}"


@pytest.mark.parametrize(("content", "found"), [(nli(), "'sentence1', 'sentence2', 'gold_label'"), ("", "nothing")])
def test_an_nli_table_with_another_header_is_refused(file, content, found):
    path = file(content)
    message = f"{path}, line 1: expected the columns premise, hypothesis, label, found {found}"
    assert refusal(read_nli, path) == message


@pytest.mark.parametrize(
    ("read", "header"),
    [
        (korsts_rows, STS_HEADER),
        (kornli_rows, NLI_HEADER),
        (read_tune, "a\tb\t1"),
        (read_nli, "premise\thypothesis\tlabel"),
    ],
    ids=["korsts", "kornli", "tune", "nli"],
)
def test_a_file_in_another_encoding_is_refused_by_name(file, read, header):
    path = file(f"{header}\n한국어\n".encode("cp949"))
    assert refusal(read, path).startswith(f"{path}: not UTF-8 text: ")


def test_a_quote_left_open_over_a_large_file_is_refused_by_name(file):
    path = file('"a\tb\t1\n' + "c\td\t1\n" * 30_000)
    assert refusal(read_tune, path) == f"{path}: not a valid table: field larger than field limit (131072)"


@needs_kornlu
@pytest.mark.parametrize(
    ("split", "rows", "blob"),
    [
        ("train", 5749, "8a095e306c2bb8354f418ca5147f98ed34e711a6"),
        ("dev", 1500, "0f8c14a65bcfff14c46ceaa4c0e67bceb6e1eeb9"),
        ("test", 1379, "f2b0a608fb906dfe1feac27f81333679f1ec14a1"),
    ],
)
def test_tune_files_of_korsts_are_the_original_projects_byte_for_byte(tmp_path, split, rows, blob):
    read = read_korsts(KORNLU / "KorSTS" / f"sts-{split}.tsv")
    pairs = list(read.rows)
    assert (len(pairs), read.skipped) == (rows, Skipped())
    path = tmp_path / "tune.tsv"
    write_tune(path, pairs)
    assert digest(path, "git-blob") == blob
    assert list(read_tune(path)) == [(pair.sentence1, pair.sentence2, float(pair.score)) for pair in pairs]


@needs_kornlu
@pytest.mark.parametrize(("name", "rows"), [("xnli.dev.ko.tsv", 2490), ("xnli.test.ko.tsv", 5010)])
def test_every_row_of_korean_xnli_is_usable_and_survives_the_table(tmp_path, name, rows):
    read = read_kornli(KORNLU / "KorNLI" / name)
    pairs = list(read.rows)
    assert (len(pairs), read.skipped) == (rows, Skipped())
    write_nli(tmp_path / "nli.tsv", pairs)
    assert list(read_nli(tmp_path / "nli.tsv")) == pairs


def test_a_header_of_anything_is_shown_short_and_in_one_line(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes(b"\x1b[2Jgenre\r\x0b" + b"x" * 10_000 + b"\tb" * 100 + b"\n")
    for read in (lambda: list(read_korsts(path).rows), lambda: list(read_nli(path))):
        with pytest.raises(KosbertError) as error:
            read()
        check_line(error.value.message)


def test_a_field_that_is_wrong_is_shown_short(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("눈\t비\t" + "x" * 10_000 + "\n", encoding="utf-8")
    with pytest.raises(KosbertError) as error:
        list(read_tune(path))
    check_line(error.value.message)


@pytest.mark.parametrize(
    "text", ["", " ", "\u3000", "\u200b\u200d", "\ufeff", "\u200e\u202a", "\ufffd", "\u3164", "\x00\x1f", "\ufe0f"]
)
def test_what_shows_nothing_is_blank(text):
    assert is_blank(text)
    assert not is_blank(f"{text}눈")


@pytest.mark.parametrize("text", ["네", ".", "👩\u200d💻", "\u0301", "½"])
def test_what_shows_something_is_not_blank(text):
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "score"), [("3", 3), ("2.50", 2.5), (".5", 0.5), ("4.", 4), ("1e-3", 0.001), (" +2\t", 2), ("-7", -7)]
)
def test_a_score_is_a_decimal_number(text, score):
    assert parse_score(text) == score


@pytest.mark.parametrize("text", ["", "1_0", "３", "٣", "0x1f", "nan", "inf", "1e999", "1,5", "2/5", "1 0", "True"])
def test_no_other_text_is_a_score(text):
    with pytest.raises(ValueError, match=r"is not a number$"):
        parse_score(text)
