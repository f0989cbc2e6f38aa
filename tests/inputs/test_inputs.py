"""Each kind of file under each command: the right sentences, or one clear line; and the table of it in the docs."""

import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from inputs.kinds import KINDS, LINE, PAIRS, TEXTS, TOLD, delimited, lines
from inputs.outcomes import outcome, upload_outcome
from inputs.table import BEGIN, END, rendered
from pyarrow import parquet

from kosbert.apps.demo.limits import RefusalError
from kosbert.apps.demo.uploads import read_upload
from kosbert.cli import main


def run(*arguments, stdin=None):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def metrics(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    PAIRS.to_csv(folder / "pairs.tsv", sep="\t", index=False)
    run("evaluate", tiny, folder / "pairs.tsv", "--json", folder / "metrics.json")
    return json.loads((folder / "metrics.json").read_text())


def encode(tiny, file, options):
    out = file.parent / "out.parquet"
    done = run("encode", tiny, file, "--out", out, *options)
    return done, done.exit_code == 0 and parquet.read_table(out)["text"].to_pylist()


def index(tiny, file, options):
    out = file.parent / "index"
    done = run("index", tiny, file, out, *options)
    return done, done.exit_code == 0 and found(run("search", tiny, out, "비", "--top", 99, "--json"))


def search(tiny, file, options):
    done = run("search", tiny, file, "비", "--top", 99, "--json", *options)
    return done, done.exit_code == 0 and found(done)


def found(done):
    hits = json.loads(done.stdout)["hits"]
    return [hit["text"] for hit in sorted(hits, key=lambda hit: hit["row"])]


def queries(tiny, file, options):
    column = ["--query-column", options[1]] if "--column" in options else []
    done = run("search", tiny, file, "--queries", file, "--json", *options, *column)
    return done, done.exit_code == 0 and [json.loads(line)["query"] for line in done.stdout.splitlines()]


def cluster(tiny, file, options):
    done = run("cluster", tiny, file, "--groups", 2, "--format", "json", *options)
    return done, done.exit_code == 0 and [each["sentence"] for each in json.loads(done.stdout)["sentences"]]


def written(folder, kind, data):
    file = folder / kind.file
    if kind.device:
        file.symlink_to(kind.device)
    else:
        file.write_bytes(data)
    return file


def checked(done, expected, says):
    if expected == LINE:
        assert done.exit_code == 1, done.output
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: ")
        assert says in line
        return LINE
    assert done.exit_code == 0, done.output
    told = [line for line in done.stderr.splitlines() if line and not PROGRESS.search(line)]
    assert any(says in line for line in told) if expected == TOLD else told == []
    return expected


PROGRESS = re.compile(r"\[\d\d:\d\d|%\|")  # a line of a progress bar
TEXT_COMMANDS = {"encode": encode, "index": index, "search": search, "--queries": queries, "cluster": cluster}


@pytest.mark.parametrize("command", TEXT_COMMANDS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.texts is not None], ids=lambda kind: kind.name)
def test_texts_are_read_right_or_refused_in_a_line(tiny, tmp_path, kind, command):
    file = written(tmp_path, kind, kind.texts)
    done, texts = TEXT_COMMANDS[command](tiny, file, kind.options)
    if checked(done, outcome(kind, command), kind.says) == LINE:
        assert [path.name for path in tmp_path.iterdir()] == [kind.file]
    else:
        assert kind.expected == LINE or texts[: len(TEXTS)] == TEXTS


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.pairs is not None], ids=lambda kind: kind.name)
def test_pairs_are_read_right_or_refused_in_a_line(tiny, metrics, tmp_path, kind):
    file = written(tmp_path, kind, kind.pairs)
    out, options = tmp_path / "metrics.json", kind.pairs_options or kind.options
    done = run("evaluate", tiny, file, "--json", out, *options)
    if checked(done, outcome(kind, "evaluate"), kind.pairs_says or kind.says) == LINE:
        assert not out.exists()
    else:
        assert json.loads(out.read_text()) == metrics


@pytest.mark.parametrize("kind", [kind for kind in KINDS if upload_outcome(kind)], ids=lambda kind: kind.name)
def test_an_upload_is_read_right_or_refused_in_a_line(kind):
    column = kind.options[1] if "--column" in kind.options else None
    if upload_outcome(kind) == LINE:
        with pytest.raises(RefusalError) as refused:
            read_upload(kind.file, io.BytesIO(kind.texts), column)
        assert "\n" not in refused.value.message
    else:
        assert read_upload(kind.file, io.BytesIO(kind.texts), column) == TEXTS


@pytest.mark.parametrize(
    "arguments",
    [
        ("encode", "MODEL", "-", "--out", "out.npy"),
        ("index", "MODEL", "-", "index"),
        ("search", "MODEL", "-", "비", "--top", "1"),
        ("search", "MODEL", "corpus.txt", "--queries", "-"),
        ("cluster", "MODEL", "-", "--groups", "2"),
        ("evaluate", "MODEL", "-"),
        ("export", "MODEL", "--out", "exported", "--check", "-"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_standard_input_is_a_file_like_others(tiny, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_bytes(lines())
    data = delimited(PAIRS) if arguments[0] == "evaluate" else lines()
    done = run(*(tiny if each == "MODEL" else each for each in arguments), stdin=data)
    assert done.exit_code == 0, done.output


def test_standard_input_is_read_once(tiny):
    done = run("search", tiny, "-", "--queries", "-", stdin=lines())
    assert done.exit_code == 2
    assert "not both" in done.output


def test_the_page_has_the_table_of_these_kinds(root):
    page = (root / "docs/faults.md").read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0] == f"\n{rendered()}", (
        "write it anew: python tests/inputs/table.py"
    )
