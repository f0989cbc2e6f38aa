"""Texts of strangers on a terminal: none moves its cursor; and what is for a program stays as it is."""

import csv
import io
import json
import unicodedata

import click.testing
import openpyxl
import pyarrow
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from kosbert.cli import main
from kosbert.command import printable

# Sets the title, clears the screen, colours by way of a C1 code, rings, and turns the direction of writing.
CODES = "\x1b]0;title\x07\x1b[2J\x9b31m\x7f\u202e"
EVIL = f"눈이{CODES} 온다."
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\rb", '"=1"', "a\nb"]


def run(*arguments):
    done = CliRunner().invoke(main, [f"{argument}" for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def check(text):
    """Check that a terminal shows a text as it stands; a progress bar may return to the start of its line."""
    assert [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf") and letter not in "\n\r"] == []


@pytest.fixture
def sheet(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "a b"
    for row in (["id", "x"], [1, "눈"]):
        book.active.append(row)
    book.create_sheet("other")
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


@pytest.fixture
def files(tmp_path, sheet):
    """Files with codes in all that messages may quote: names of columns and of files, headers, keys, cells, sheets."""

    def write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    parquet.write_table(pyarrow.table({EVIL: ["눈"], f"{EVIL}2": ["비"]}), tmp_path / "a.parquet")
    parquet.write_table(pyarrow.table({"text": [{EVIL: 1}]}), tmp_path / "b.parquet")
    key = json.dumps(EVIL)
    return [
        sheet,
        tmp_path / "a.parquet",
        tmp_path / "b.parquet",
        write("a.csv", f"{EVIL},b\n눈,1\n비,{EVIL},3\n"),
        write("one.csv", f"{EVIL}\n눈\n"),
        write("word.csv", f"눈{CODES}다\n눈\n"),
        write("a.jsonl", f'{{{key}: 1, {key[:-1]}b": 2}}\n'),
        write("b.jsonl", f'{{"text": {{{key}: 1}}}}\n'),
        write("c.jsonl", f"{{{EVIL}: 1}}\n"),
        write("d.json", "눈"),
        write(f"a{EVIL}.txt", b"\xff\xff"),
        write(f"b{EVIL}.txt", ""),
        write(f"a{EVIL}.doc", ""),
        write(f"a\nError: {EVIL}.gz", "눈"),
        tmp_path / f"none{EVIL}",
        tmp_path / f"none\n{EVIL}.csv",
    ]


def test_no_error_about_a_file_moves_the_cursor(tiny, files):
    for file in files:
        for command in (
            ("cluster", tiny, file),
            ("evaluate", tiny, file),
            ("search", tiny, file, "눈", "--column", EVIL),
        ):
            done = run(*command)
            assert done.exit_code in (0, 1), file
            check(done.output)


@pytest.mark.parametrize(
    "arguments",
    [
        (EVIL,),
        ("encode", "model", EVIL, EVIL),
        ("encode", "model", "a", f"--{EVIL}"),
        ("encode", EVIL, "a", "--out", f"{EVIL}.npy"),
        ("encode", "model", "a", "--out", EVIL),
        ("encode", "model", "a", "--out", "a.npy", "--part", EVIL),
        ("index", EVIL, EVIL, EVIL),
        ("search", "model", "a", "눈", "--encoding", EVIL),
        ("export", EVIL, "--out", "b", "--format", EVIL),
        ("evaluate", EVIL, "a", "--columns", EVIL),
        ("serve", EVIL, "--name", EVIL),
    ],
)
def test_no_error_about_an_argument_moves_the_cursor(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "a").write_text("눈\n", encoding="utf-8")
    done = run(*arguments)
    assert done.exit_code in (1, 2)
    check(done.output)


def test_a_name_is_shown_with_its_codes_as_escapes():
    assert printable("\x1b[31m\x9b \u202e가\ud800\n") == "\\x1b[31m\\x9b \\u202e가\\ud800\n"


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / f"texts{CODES}.txt"
    path.write_text(f"{EVIL}\n비가 온다.\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("search", "MODEL", "TEXTS", EVIL),
        ("search", "MODEL", "TEXTS", EVIL, "--json"),
        ("cluster", "MODEL", "TEXTS", "--groups", "2"),
        ("cluster", "MODEL", "TEXTS", "--groups", "2", "--format", "json"),
        ("cluster", "MODEL", "TEXTS", "--groups", "2", "--format", "csv"),
        ("encode", "MODEL", "TEXTS", "--out", "OUT.npy"),
        ("index", "MODEL", "TEXTS", "OUT"),
    ],
    ids=" ".join,
)
def test_no_result_on_a_terminal_moves_the_cursor(tiny, texts, tmp_path, monkeypatch, command):
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: True)
    names = {"MODEL": tiny, "TEXTS": texts, "OUT": tmp_path / f"out{CODES}", "OUT.npy": tmp_path / f"out{CODES}.npy"}
    done = run(*(names.get(each, each) for each in command))
    assert done.exit_code == 0, done.output
    check(done.output)


@pytest.mark.parametrize("terminal", [True, False])
def test_json_says_the_same_with_escapes(tiny, texts, monkeypatch, terminal):
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: terminal)
    found = json.loads(run("search", tiny, texts, EVIL, "--json").stdout)
    assert found["query"] == found["hits"][0]["text"] == EVIL
    groups = json.loads(run("cluster", tiny, texts, "--groups", 2, "--format", "json").stdout)
    assert groups["sentences"][0]["sentence"] == EVIL


def test_csv_for_a_program_has_each_sentence_as_it_is(tiny, tmp_path):
    sentences = [EVIL, *FORMULAS]
    (tmp_path / "a.json").write_text(json.dumps(sentences), encoding="utf-8")
    command = ("cluster", tiny, tmp_path / "a.json", "--groups", 1, "--format", "csv")
    run(*command, "--out", tmp_path / "a.csv")
    for text in (run(*command).stdout_bytes.decode(), (tmp_path / "a.csv").read_bytes().decode()):
        rows = csv.DictReader(io.StringIO(text, newline=""))
        assert [row["sentence"] for row in rows] == sentences
