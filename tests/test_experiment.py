"""A stage of an experiment says what DVC does not: that a result will be lost, and which settings stay."""

import subprocess

import click
import pytest
from click.testing import CliRunner

from kosbert.errors import KosbertError
from kosbert.stage import experiment
from kosbert.stage.run import Stage

COMMITTED = "seed: 1\nmirror: null\nrecipes: {a: {epochs: 1, rate: 0.1}}\n"
ADVICE = "DVC keeps the change, and the next experiment adds to it; to undo it: git checkout HEAD params.yaml"


def git(*arguments):
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def params(tmp_path, monkeypatch):
    """The parameters of a project in which `dvc exp run` runs a stage."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "params.yaml"
    file.write_text(COMMITTED, encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "start")
    monkeypatch.setenv(experiment.BASELINE, "HEAD")
    return file


FAILED = KosbertError("it failed")


def said(error=FAILED):
    @click.command(cls=Stage)
    def main():
        if error:
            raise error

    return CliRunner().invoke(main).output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\nmirror: null\nrecipes: {a: {epochs: abc, rate: 0.1}}\n", "recipes.a.epochs (1, now abc)"),
        (
            "seed: 2\nmirror: x\nrecipes: {b: {}}\n",
            "seed (1, now 2), mirror (null, now x), recipes.a.epochs (1, now none), "
            "recipes.a.rate (0.1, now none), recipes.b (none, now {})",
        ),
        (f"{COMMITTED}new: {[*range(99)]}\n", "new (none, now [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …)"),
        (f"{COMMITTED}new: {dict.fromkeys('abcdefghijklmnopqrstuvwxyz', 1)}\n", "…"),
    ],
)
def test_a_failure_says_which_settings_stay(params, text, told):
    params.write_text(text, encoding="utf-8")
    first, second = said().splitlines()
    assert first == "Error: it failed"
    assert second.startswith("params.yaml differs from the last commit: ")
    assert second.endswith(f"{told}. {ADVICE}")


def test_an_interrupted_stage_says_it_too(params):
    params.write_text("seed: 2\n", encoding="utf-8")
    assert "seed (1, now 2)" in said(KeyboardInterrupt())


@pytest.mark.parametrize("case", ["success", "format", "by hand", "copy", "no git", "not committed", "no YAML"])
def test_in_all_other_cases_nothing_is_said(params, monkeypatch, case):
    text = {"format": "# rewritten, as DVC does\nrecipes: {a: {rate: 0.1, epochs: 1}}\nmirror:\nseed: 1\n"}
    params.write_text(text.get(case, "seed: [\n" if case == "no YAML" else "seed: 2\n"), encoding="utf-8")
    if case == "by hand":  # `dvc repro`
        monkeypatch.delenv(experiment.BASELINE)
    elif case == "copy":
        monkeypatch.setattr(experiment, "COPIES", params.parent.name)
    elif case == "no git":
        monkeypatch.setenv("PATH", "")
    elif case == "not committed":
        monkeypatch.setenv(experiment.BASELINE, "0" * 40)
    error, expected = (None, "") if case == "success" else (FAILED, "Error: it failed\n")
    assert said(error) == expected


@pytest.mark.parametrize("depth", [1, 9])
def test_a_copy_of_a_shallow_clone_is_refused(params, tmp_path, monkeypatch, depth):
    git("commit", "-q", "--allow-empty", "-m", "second")
    git("clone", "-q", "--depth", str(depth), tmp_path.as_uri(), "clone")
    copy = params.parent / "clone/.dvc/tmp/exps/standalone/tmp1"
    copy.mkdir(parents=True)
    monkeypatch.setenv("DVC_STAGE", "train@a")
    monkeypatch.chdir("clone")
    assert said(None) == "", "in the workspace, an experiment is kept"
    monkeypatch.chdir(copy)
    told = said(None)
    assert told.endswith("run: git fetch --unshallow\n") if depth == 1 else told == ""
    assert told.count("\n") == (depth == 1)
