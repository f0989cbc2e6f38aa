"""No command writes over what it reads, whatever the file is called there, nor two outputs into one file."""

import os
import shutil

import pytest
from click.testing import CliRunner
from support.commands import invoked

from kosbert.cli import main

TABLE = "sentence1\tsentence2\tscore\n눈이 온다.\t비가 온다.\t2\n해가 뜬다.\t달이 진다.\t1\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def same(path):
    return path


def by_another_way(path):
    return path.parent / "folder" / ".." / path.name


def symbolic_link(path):
    (path.parent / "link.tsv").symlink_to(path)
    return path.parent / "link.tsv"


def hard_link(path):
    os.link(path, path.parent / "hard.tsv")
    return path.parent / "hard.tsv"


def relative(path):
    return os.path.relpath(path)


WAYS = [same, by_another_way, symbolic_link, hard_link, relative]
# Each option that writes a file, of each command that reads one.
WRITING = [
    ("evaluate", "MODEL", "FILE", "--json"),
    ("evaluate", "MODEL", "FILE", "--predictions"),
    ("cluster", "MODEL", "FILE", "--column", "sentence1", "--out"),
    ("cluster", "MODEL", "FILE", "--column", "sentence1", "--picture"),
    ("encode", "MODEL", "FILE", "--column", "sentence1", "--overwrite", "--out"),
    ("export", "MODEL", "--check", "FILE", "--out"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_an_output_that_is_the_input_is_one_line_and_the_file_stays(tiny, table, way, command):
    (table.parent / "folder").mkdir()
    arguments = [{"MODEL": tiny, "FILE": table}.get(each, each) for each in command]
    output = invoked(*arguments, way(table), code=1).output
    assert "would overwrite an input" in output
    assert output.count("\n") == 1
    assert table.read_text(encoding="utf-8") == TABLE


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_file_of_the_model_is_not_written_over(tiny, table, tmp_path, command):
    model = shutil.copytree(tiny, tmp_path / "model")
    before = (model / "config.json").read_bytes()
    arguments = [{"MODEL": model, "FILE": table}.get(each, each) for each in command]
    assert "would overwrite an input (MODEL)" in invoked(*arguments, model / "config.json", code=1).output
    assert (model / "config.json").read_bytes() == before


def test_an_index_and_its_corpus_are_two_things(tiny, table):
    assert (
        "would overwrite an input (CORPUS)"
        in invoked("index", tiny, table, table, "--column", "sentence1", code=1).output
    )


def test_two_outputs_are_two_files(tiny, table, tmp_path):
    out = tmp_path / "out.json"
    assert "--json writes to the same path" in invoked(
        "evaluate", tiny, table, "--json", out, "--predictions", by_another_way(out), code=1
    ).output.replace("--predictions is", "--json is")
    assert not out.exists()


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock", "metrics/best.json"])
def test_a_file_of_the_project_is_not_written_over(root, monkeypatch, name):
    monkeypatch.chdir(root)
    before = (root / name).read_bytes()
    assert "would overwrite an input (the project)" in invoked("difference", "HEAD", "--out", name, code=1).output
    assert (root / name).read_bytes() == before


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "-"])
def test_an_output_is_a_file(tiny, table, name):
    assert "expected a file" in invoked("evaluate", tiny, table, "--json", name, code=2).output


def test_an_output_with_another_name_is_written(tiny, table, tmp_path):
    invoked("evaluate", tiny, table, "--json", tmp_path / "mine.json")
    assert (tmp_path / "mine.json").is_file()


@pytest.mark.parametrize(
    "arguments",
    [("search", "MODEL", "FILE", "BAD"), ("cluster", "MODEL", "FILE", "--column", "BAD"), ("evaluate", "BAD", "FILE")],
)
def test_a_text_that_is_no_utf8_is_one_line(tiny, table, arguments):
    bad = "비".encode("euc_kr").decode(errors="surrogateescape")
    output = invoked(*({"MODEL": tiny, "FILE": table, "BAD": bad}.get(each, each) for each in arguments), code=1).output
    assert "expected UTF-8, found other bytes" in output
    assert output.count("\n") == 1


@pytest.mark.parametrize("charset", ["euc_kr", "latin-1"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_terminal_that_lacks_a_character_shows_another(tiny, table, charset, form):
    arguments = ["search", f"{tiny}", f"{table}", "비 😀", "--column", "sentence1", *form]
    done = CliRunner(charset=charset).invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert ("\\ud83d\\ude00" if form else "\\U0001f600") in done.stdout
    if charset == "euc_kr" and not form:
        assert "눈이 온다." in done.stdout


def test_help_comes_in_a_terminal_that_lacks_its_characters():
    done = CliRunner(charset="latin-1").invoke(main, ["cluster", "--help"])
    assert done.exit_code == 0
    assert "1 \\u2212 cosine" in done.stdout


@pytest.mark.parametrize("form", ["json", "csv"])
def test_data_for_a_program_is_never_changed_by_a_terminal(tiny, tmp_path, form):
    (tmp_path / "mine.txt").write_text("비 😀\n눈\n", encoding="utf-8")
    arguments = ["cluster", f"{tiny}", f"{tmp_path / 'mine.txt'}", "--groups", "2", "--format", form]
    done = CliRunner(charset="euc_kr").invoke(main, arguments)
    assert done.exit_code == 1
    assert "standard output is euc_kr, which lacks '\\U0001f600'; write to a file with --out" in done.stderr
    out = tmp_path / "out"
    assert CliRunner(charset="euc_kr").invoke(main, [*arguments, "--out", f"{out}"]).exit_code == 0
    assert "비 😀" in out.read_text(encoding="utf-8")
