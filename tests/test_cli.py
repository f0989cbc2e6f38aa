"""The command line as a user has it: `kosbert evaluate` on models and files of all kinds."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from support.commands import invoked
from support.hub import hub

import kosbert.encoder.hub
from kosbert.data.tables import read_tune
from kosbert.errors import KosbertError
from kosbert.evaluation.predict import predict
from kosbert.evaluation.scores import GOLD, compute_metrics, read_predictions
from kosbert.metrics import METRICS
from kosbert.project import git

HEADER = "sentence1\tsentence2\tscore\n"


def run(*arguments, code=0):
    return invoked(*arguments, code=code).output


def refused(*arguments):
    output = run(*arguments, code=1)
    assert output.count("\n") == 1
    return output


@pytest.fixture
def table(tables):
    return tables / "tune/tune_test.tsv"


@pytest.fixture
def expected(tiny, table):
    return compute_metrics(predict(kosbert.load(tiny).encode, [*read_tune(table)]), source=table)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "pairs.tsv"
        path.write_bytes(text.encode())
        return path

    return write


def test_a_folder_is_scored_without_any_network_and_all_eight_figures_shown(tiny, table, expected, monkeypatch):
    def no_network(*_):
        raise AssertionError("a folder needs no network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    shown = run("evaluate", tiny, table)
    assert f"{tiny} on the 60 pairs of {table}" in shown
    for row in shown.splitlines()[-4:]:
        similarity, pearson, spearman = row.split()
        assert float(pearson) == expected[f"{similarity}_pearson"]
        assert float(spearman) == expected[f"{similarity}_spearman"]


def test_figures_and_predictions_are_written_in_the_formats_of_the_pipeline(tiny, table, expected, tmp_path):
    metrics, predictions = tmp_path / "metrics.json", tmp_path / "new/predictions.tsv"
    run("evaluate", tiny, table, "--json", metrics, "--predictions", predictions)
    assert json.loads(metrics.read_text()) == expected
    assert tuple(json.loads(metrics.read_text())) == METRICS
    assert read_predictions(predictions)[GOLD].tolist() == [score for *_, score in read_tune(table)]


def test_the_figures_do_not_depend_on_the_form_of_the_table(tiny, table, root, expected, write):
    rows = [*read_tune(table)]
    other = "\ufeffid\tmark\tone\ttwo\r\n" + "".join(f"x\t{20 * mark}\t{one}\t{two}\r\n" for one, two, mark in rows)
    names = ("--columns", "one, two,mark", "--quotes", "letters")
    for file, options in ((write(other), names), (root / "data/sample/KorSTS/sts-test.tsv", ())):
        shown = [
            float(figure)
            for row in run("evaluate", tiny, file, *options).splitlines()[-4:]
            for figure in row.split()[1:]
        ]
        assert shown == pytest.approx([*expected.values()], abs=0.01)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sentence1\tscore\n눈\t1\n", "expected a header with the columns sentence1, sentence2, score"),
        (HEADER + "눈\t비\t1\n해\t달\t둘\n", "line 3: score '둘' is not a number"),
        (HEADER + "눈\t비\t1\n해\t\t2\n", "line 3: a sentence is blank"),
        (HEADER + "눈\t비\t3\n해가 뜬다\t달\t3\n", "all pairs have the same gold score"),
        (HEADER + "눈\t눈\t3\n해\t해\t4\n", "all pairs have the same"),
        (HEADER + "눈\t비\t3\n", "1 pair; a correlation needs at least 2"),
        ("", "found nothing"),
    ],
)
def test_a_bad_table_is_one_line_and_writes_nothing(tiny, write, tmp_path, text, line):
    output = refused("evaluate", tiny, write(text), "--json", tmp_path / "metrics.json")
    assert line in output
    assert "pairs.tsv" in output
    assert not (tmp_path / "metrics.json").exists()


def test_a_file_that_is_not_there_is_one_line(tiny, tmp_path):
    assert "nowhere.tsv: No such file or directory" in refused("evaluate", tiny, tmp_path / "nowhere.tsv")
    assert ": Is a directory" in refused("evaluate", tiny, tmp_path)


def test_columns_are_three_names(tiny, table):
    assert "expected three column names" in run("evaluate", tiny, table, "--columns", "a,b", code=2)


@pytest.mark.parametrize("option", ["--json", "--predictions"])
def test_a_folder_is_no_file_to_write(tiny, table, tmp_path, option):
    (tmp_path / "mine").write_text("kept")
    assert "is a directory" in run("evaluate", tiny, table, option, tmp_path, code=2)
    assert (tmp_path / "mine").read_text() == "kept"


def test_what_is_no_model_is_one_line(tiny, table, tmp_path):
    assert "not a sentence-transformers model" in refused("evaluate", tmp_path, table)
    assert "not a sentence-transformers model" in refused("evaluate", table, table)
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "SHA256SUMS").unlink(missing_ok=True)  # which would say so before
    (broken / "model.safetensors").write_bytes(b"not weights")
    assert refused("evaluate", broken, table).startswith(f"Error: {broken}")
    (broken / "modules.json").write_text("{")
    assert refused("evaluate", broken, table).startswith(f"Error: {broken}")


def test_who_has_not_run_the_benchmark_reads_what_makes_the_model(table, monkeypatch):
    def no_hub(*_, **__):
        raise OSError

    monkeypatch.setattr(kosbert.encoder.hub, "snapshot_download", no_hub)
    assert "made by `make benchmark`" in refused("evaluate", "models/none", table)
    assert "make benchmark" not in refused("evaluate", "our/tiny", table)


def test_a_model_of_the_hub_gives_the_figures_of_its_folder(tiny, table, expected, tmp_path):
    def ask(model, address):
        command = [sys.executable, "-c", "from kosbert.cli import main; main()", "evaluate", model, str(table)]
        # The library reads the hub's address when it is imported: so a process of its own.
        environment = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    with hub({"our/tiny": tiny}) as server:
        done = ask("our/tiny", server.address)
        assert done.returncode == 0, done.stderr
        assert f"{expected['cosine_spearman']:.2f}" in done.stdout
        unknown = ask("our/tinny", server.address)
    assert unknown.returncode == 1
    assert unknown.stderr == (
        "Error: our/tinny: no such folder here, and it could not be downloaded from the hub: "
        "the hub has no model of this name (or it is private: set HF_TOKEN)\n"
    )


def test_a_disk_that_is_not_to_be_written_is_not_taken_for_the_network(table, monkeypatch):
    def refused_by_the_disk(*_, **__):
        raise PermissionError(13, "Permission denied", "/cache")

    monkeypatch.setattr(kosbert.encoder.hub, "snapshot_download", refused_by_the_disk)
    assert refused("evaluate", "our/tiny", table).endswith("from the hub: /cache: Permission denied\n")


def test_where_git_has_nothing_to_say_its_words_are_passed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(KosbertError, match=r"^git ls-files: fatal: not a git repository [^\n]*$"):
        git.ask("ls-files")


@pytest.mark.parametrize("command", ["benchmark", "publish nli_sts --out out", "difference main", "spread", "verify"])
def test_a_command_of_the_project_says_where_it_runs(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(*command.split()).endswith(".yaml: not found; run this in the project's top folder\n")
    assert [*tmp_path.iterdir()] == []


def test_help_comes_without_the_heavy_libraries():
    script = (
        "import sys; from click.testing import CliRunner; from kosbert.cli import main\n"
        "for command in ('', 'evaluate', 'mteb', 'publish', 'benchmark'):\n"
        "    assert CliRunner().invoke(main, [*command.split(), '--help']).exit_code == 0\n"
        "print(sorted({'torch', 'transformers', 'pandas', 'scipy', 'huggingface_hub'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
