"""Kinds of files that users have: how each is made of the same texts or pairs, and what is to come of it."""

import gzip
import io
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import openpyxl
import pandas as pd
import pyarrow

TEXTS = [
    "오늘은 하루 종일 비가 내린다.",
    "점심으로 김치찌개를 끓여 먹었다.",
    "버스가 늦게 와서 회사에 지각했다.",
    "우리 팀이 축구 경기에서 이겼다.",
    "고양이가 창가에서 낮잠을 잔다.",
    "내일은 전국에 눈이 오겠습니다.",
]
SCORES = [0.5, 4, 2.25, 3, 1, 0]
PAIRS = pd.DataFrame({"sentence1": TEXTS, "sentence2": TEXTS[1:] + TEXTS[:1], "score": SCORES})
ONE = PAIRS[["sentence1"]].rename(columns={"sentence1": "sentence"})
ENDLESS = b"a" * 10_000_001
INVISIBLE = "\u200b\u200d\ufeff"

RIGHT, TOLD, LINE = "right", "told", "line"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: what the table of docs/faults.md calls it.
        file: the file's name.
        texts: the bytes of a file of texts; None if there is no such file.
        pairs: the bytes of a file of pairs; None if there is no such file.
        expected: `right`, `told` (right, and a line tells what was found) or `line` (one clear line).
        says: what is told, or the line says.
        options: options of the command line for it.
        pairs_expected: what is expected of pairs, where it differs.
        pairs_says: what is told or said of them, where it differs.
        pairs_options: the options for them, where they differ.
        device: what the file is a link to, if it is none itself.
    """

    name: str
    file: str
    texts: bytes | None
    pairs: bytes | None
    expected: str = RIGHT
    says: str = ""
    options: tuple[str, ...] = ()
    pairs_expected: str = ""
    pairs_says: str = ""
    pairs_options: tuple[str, ...] = ()
    device: str = ""


def lines(texts: list[str] = TEXTS, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return "".join(f"{text}{end}" for text in texts).encode(encoding)


def delimited(table: pd.DataFrame, separator: str = "\t", end: str = "\n", encoding: str = "utf-8", **options) -> bytes:
    return table.to_csv(sep=separator, index=False, lineterminator=end, **options).encode(encoding)


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def text(name: str, change: Callable[[str], bytes], **more) -> Kind:
    """A kind of text: lines for texts, tab-separated for pairs."""
    return Kind(name, "mine.txt", change(lines().decode()), change(delimited(PAIRS).decode()), **more)


def table(name: str, file: str, write: Callable[[pd.DataFrame], bytes], **more) -> Kind:
    """A kind of table: one column for texts, three for pairs."""
    return Kind(name, file, write(ONE), write(PAIRS), **more)


def zstd(data: bytes) -> bytes:
    return written(lambda file: _zstd(file, data))


def _zstd(file: io.BytesIO, data: bytes) -> None:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    file.write(sink.getvalue().to_pybytes())


def excel(frame: pd.DataFrame) -> bytes:
    def write(file: io.BytesIO) -> None:
        book = openpyxl.Workbook()
        for row in [[*frame], *frame.values.tolist()]:
            book.active.append(row)
        book.save(file)

    return written(write)


def records(frame: pd.DataFrame, **options) -> bytes:
    return frame.to_json(orient="records", force_ascii=False, **options).encode()


def nfd(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={frame.columns[0]: unicodedata.normalize("NFD", "문장")})


JAPANESE = "今日は朝から雨が降っていて、とても寒いです。\n"
KINDS = [
    text("text, UTF-8", str.encode),
    text("text with a byte order mark", lambda content: content.encode("utf-8-sig")),
    text("text with Windows' line ends", lambda content: content.replace("\n", "\r\n").encode()),
    text("text with old Mac's line ends", lambda content: content.replace("\n", "\r").encode()),
    text("text without a last line end", lambda content: content.rstrip("\n").encode()),
    text("text in UTF-16", lambda content: content.encode("utf-16"), expected=TOLD, says="UTF-16"),
    text("text in UTF-16, no mark", lambda content: content.encode("utf-16-le"), expected=LINE, says="--encoding"),
    text(
        "the same, named with --encoding",
        lambda content: content.encode("utf-16-le"),
        options=("--encoding", "utf-16-le"),
    ),
    text("text in cp949", lambda content: content.encode("cp949"), expected=TOLD, says="cp949"),
    text("text in Shift-JIS", lambda _: JAPANESE.encode("shift_jis"), expected=LINE, says="not UTF-8"),
    text("text in Latin-1", lambda _: "Ein müder Bär schläft.\n".encode("latin-1"), expected=LINE, says="not UTF-8"),
    text("UTF-8 with a broken letter", lambda content: content.encode() + b"\xec\n", expected=LINE, says="not UTF-8"),
    text("text, gzip", lambda content: gzip.compress(content.encode()), expected=TOLD, says="gzip"),
    table("table, .csv.gz", "mine.csv.gz", lambda frame: gzip.compress(delimited(frame, ","))),
    table("table, .tsv.zst", "mine.tsv.zst", lambda frame: zstd(delimited(frame))),
    table(
        "gzip that is cut off",
        "mine.tsv.gz",
        lambda frame: gzip.compress(delimited(frame))[:-9],
        expected=LINE,
        says="damaged, or not complete",
    ),
    table("table, .tsv", "mine.tsv", delimited),
    table("table, .csv", "mine.csv", lambda frame: delimited(frame, ",")),
    table(
        "table, .csv with semicolons",
        "mine.csv",
        lambda frame: delimited(frame.assign(id=1), ";"),
        expected=TOLD,
        says="';'",
        pairs_says="';'",
    ),
    table(
        "table, .csv with tabs",
        "mine.csv",
        lambda frame: delimited(frame.assign(id=1)),
        expected=TOLD,
        says="separated by tabs",
    ),
    table("table, all quoted", "mine.csv", lambda frame: delimited(frame, ",", quoting=1)),
    Kind(
        "table without a header",
        "mine.csv",
        delimited(ONE, header=False),
        delimited(PAIRS, ",", header=False),
        LINE,
        "use --column with that name, or --no-header",
        pairs_expected=RIGHT,
    ),
    Kind(
        "the same with --no-header",
        "mine.csv",
        delimited(ONE, header=False),
        delimited(PAIRS, ",", header=False),
        options=("--no-header",),
    ),
    Kind(
        "a column's name in another Unicode form",
        "mine.tsv",
        delimited(nfd(ONE)),
        delimited(nfd(PAIRS)),
        options=("--column", "문장"),
        pairs_options=("--columns", "문장,sentence2,score"),
    ),
    Kind(
        "a column that is not there",
        "mine.tsv",
        delimited(ONE),
        delimited(PAIRS),
        LINE,
        "no column '글'",
        options=("--column", "글"),
        pairs_says="expected a header",
        pairs_options=("--columns", "글,sentence2,score"),
    ),
    table("JSON lines", "mine.jsonl", lambda frame: records(frame, lines=True)),
    table("JSON, an array", "mine.json", records),
    Kind("JSON that is no array", "mine.json", b'{"sentence": {"0": "a"}}', b'{"score": {"0": 1}}', LINE, "expected"),
    Kind(
        "JSON with half a character",
        "mine.jsonl",
        b'{"sentence": "\\ud800"}\n',
        b'{"sentence1": "\\ud800", "sentence2": "a", "score": 1}\n',
        LINE,
        "surrogate",
    ),
    table("Parquet", "mine.parquet", lambda frame: written(lambda file: frame.to_parquet(file, index=False))),
    table("XLSX", "mine.xlsx", excel),
    table("XLSX named .csv", "mine.csv", excel, expected=LINE, says="ZIP archive"),
    Kind("old Excel, .xls", "mine.xls", b"\xd0\xcf\x11\xe0", b"\xd0\xcf\x11\xe0", LINE, "save it as .xlsx or .csv"),
    Kind("Hangul or Word, .hwp", "mine.hwp", b"\xd0\xcf\x11\xe0", b"\xd0\xcf\x11\xe0", LINE, "save its text as .txt"),
    Kind(
        "numbers instead of texts",
        "mine.jsonl",
        b'{"sentence": 1}\n',
        b'{"sentence1": 1, "sentence2": "a", "score": 1}\n',
        LINE,
        "found a number",
    ),
    Kind(
        "a cell of 200,000 letters",
        "mine.csv",
        delimited(pd.concat([ONE, pd.DataFrame({"sentence": ["눈" * 200_000]})]), ","),
        None,
        expected=TOLD,
        says="tokens",
    ),
    Kind(
        "a quote that never closes",
        "mine.csv",
        b'sentence\n"' + lines(),
        b'sentence1,sentence2,score\n"' + delimited(PAIRS, ",", header=False),
        LINE,
        "quotes",
    ),
    Kind(
        "rows of different width",
        "mine.csv",
        b"id,sentence\n1,a\n2,b,c\n",
        delimited(PAIRS, ",")[:-1] + b",9\n",
        LINE,
        "columns",
    ),
    Kind(
        "letters that show nothing",
        "mine.txt",
        lines([INVISIBLE, " ", "\u3164"]),
        delimited(PAIRS.assign(sentence1=INVISIBLE)),
        LINE,
        "no texts in it",
        pairs_says="blank",
    ),
    Kind("a score such as 1_0", "mine.tsv", None, delimited(PAIRS).replace(b"2.25", b"1_0"), LINE, "is not a number"),
    Kind("NUL, or a program", "mine.txt", b"\x7fELF\0\0\n", b"\x7fELF\0\0\n", LINE, "NUL"),
    Kind("a line without end", "mine.txt", ENDLESS, ENDLESS, LINE, "more than 10,000,000 characters"),
    Kind("a device, such as /dev/zero", "mine.txt", b"", b"", LINE, "a device; expected a file", device="/dev/zero"),
    Kind("an empty file", "mine.txt", b"", b"", LINE, "no texts in it", pairs_says="found nothing"),
]
