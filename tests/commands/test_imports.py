"""What a command imports: no command waits for a library that it does not use."""

import json
import subprocess
import sys

import pytest

from kosbert.inference.export import export

HEAVY = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "pandas", "datasets")
# Runs commands one after another in one process, and prints after each what is imported of the heavy libraries.
PROGRAM = f"""
import json, sys
from click.testing import CliRunner
from kosbert.cli import main
for arguments in json.loads(sys.argv[1]):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    print(arguments[0], *(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.fixture(scope="module")
def files(tiny, tables, tmp_path_factory):
    """An exported model, and what the commands read."""
    folder = tmp_path_factory.mktemp("files")
    export(str(tiny), folder / "exported", formats=["openvino"])
    (folder / "corpus.txt").write_text("비가 온다.\n눈이 온다.\n해가 뜬다.\n", encoding="utf-8")
    (folder / "pairs.tsv").write_bytes((tables / "tune/tune_dev.tsv").read_bytes())
    return folder


def imported(*commands):
    """What each command, run after those before it, has imported."""
    arguments = json.dumps([[str(each) for each in command] for command in commands])
    done = subprocess.run([sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [(name, {*libraries}) for name, *libraries in map(str.split, done.stdout.splitlines())]


def test_an_exported_model_needs_no_torch(files):
    corpus, model = files / "corpus.txt", files / "exported"
    assert imported(
        ("--version",),
        ("search", model, corpus, "비"),
        ("index", model, corpus, files / "index", "--exact"),
        ("search", model, files / "index", "비"),
        ("encode", model, corpus, "--out", files / "exported.npy"),
        ("evaluate", model, files / "pairs.tsv"),
        ("cluster", model, corpus, "--groups", 2),
    ) == [
        ("--version", set()),
        *[("search", set()), ("index", set()), ("search", set()), ("encode", set())],
        ("evaluate", {"pandas"}),
        ("cluster", {"pandas", "scipy", "sklearn"}),
    ]


def test_a_model_of_ours_needs_torch_alone(files, tiny):
    corpus = files / "corpus.txt"
    assert imported(
        ("search", tiny, corpus, "비"),
        ("index", tiny, corpus, files / "index of ours", "--exact"),
        ("encode", tiny, corpus, "--out", files / "ours.npy"),
        ("evaluate", tiny, files / "pairs.tsv"),
        ("cluster", tiny, corpus, "--groups", 2),
    ) == [
        *[("search", {"torch"}), ("index", {"torch"}), ("encode", {"torch"})],
        ("evaluate", {"torch", "pandas"}),
        ("cluster", {"torch", "pandas", "scipy", "sklearn"}),
    ]
