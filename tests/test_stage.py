"""What every stage shares, in a small pipeline: inputs with other bytes are refused, and so are edits under way."""

import re
import shutil
import subprocess
import sys

import click
import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo
from support.rot import flip

from kosbert.files import dvc_md5
from kosbert.stage import run as stage
from kosbert.stage import watch
from kosbert.stage.run import Input, Stage, check_unchanged

PARAMS = {"seed": 1, "recipes": {"a": {"rate": 0.1}, "b": {"rate": 0.2}}}
CODE, OTHER, SCRIPT = "src/kosbert/training/loss.py", "src/kosbert/apps/search.py", "stages/train.py"
TABLE, MODEL = "data/table.tsv", "models/base/weights"
CHANGED = "changed while this stage ran"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a pipeline, whose first stage has made a table and a model, in which `train@a` is to run."""
    monkeypatch.chdir(tmp_path)
    files = {path: f"{path}\n" for path in (CODE, OTHER, SCRIPT, TABLE, MODEL)}
    files["params.yaml"] = yaml.safe_dump(PARAMS)
    train = {
        "foreach": ["a", "b"],
        "do": {
            "cmd": "python stages/train.py",
            "deps": [SCRIPT, "src/kosbert/training", "models/base", TABLE],
            "params": ["seed", "recipes.${item}"],
            "outs": ["models/${item}"],
        },
    }
    make = {"cmd": "true", "outs": [TABLE, "models/base"]}
    files["dvc.yaml"] = yaml.safe_dump({"stages": {"make": make, "train": train}})
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    lock = {"make": make | {"outs": [{"path": path, "md5": dvc_md5(tmp_path / path)} for path in make["outs"]]}}
    lock["gone"] = lock["make"] | {"outs": [{"path": TABLE, "md5": "of a stage that is no more"}]}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}), encoding="utf-8")
    Repo.init(str(tmp_path), no_scm=True).close()
    monkeypatch.setenv(stage.STAGE, "train@a")
    monkeypatch.setattr(watch, "CODE", tmp_path / "src/kosbert")
    monkeypatch.setattr(sys, "argv", [SCRIPT])
    return tmp_path


def run(work=lambda: None, *, check=False):
    """Run a stage that does some work and then writes; return what it says, and whether it wrote."""
    wrote = []

    @click.command(cls=Stage)
    @click.option("--model", type=Input())
    @click.option("--data", type=Input())
    def main(model, data):
        work()
        if check:
            check_unchanged()
        wrote.append((model, data))

    done = CliRunner().invoke(main, ["--model", "models/base", "--data", TABLE])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert bool(done.exit_code) == done.output.startswith("Error: "), done.output
    return done.output, bool(wrote)


def edit(project, path, text="# edited\n"):
    def work():
        with (project / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return work


@pytest.fixture
def finished(project):
    """The same project, where DVC has run a stage for each of two rows, and one of them is then taken away."""
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))
    cmd = "mkdir -p scores metrics && echo ${key} > scores/${key}.tsv && echo ${key} > metrics/${key}.json"
    outs = {"outs": ["scores/${key}.tsv"], "metrics": [{"metrics/${key}.json": {"cache": False}}]}
    pipeline["stages"]["score"] = {"foreach": "${rows}", "do": {"cmd": cmd, "deps": [TABLE], **outs}}
    (project / "dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    choose_rows(project, "one", "two")
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q", "--single-item", "score"], check=True)
    choose_rows(project, "one")
    (project / ".dvc/config").write_text("")
    subprocess.run(["git", "init", "-q"], check=True)
    return project


def choose_rows(project, *names):
    text = yaml.safe_dump(PARAMS | {"rows": dict.fromkeys(names, "a label")})
    (project / "params.yaml").write_text(text, encoding="utf-8")


def read_scores():
    @click.command(cls=Stage)
    @click.option("--scores", type=Input())
    def main(scores):
        for path in sorted(scores.rglob("*")):
            click.echo(path)

    done = CliRunner().invoke(main, ["--scores", "scores"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def test_what_a_row_has_left_is_removed_before_its_folder_is_read(finished):
    assert read_scores() == (
        "metrics/two.json: removed, because the stage score@two no longer exists\n"
        "scores/two.tsv: removed, because the stage score@two no longer exists\n"
        "scores/one.tsv\n"
    )
    assert not (finished / "metrics/two.json").exists()
    choose_rows(finished, "one", "two")
    subprocess.run([sys.executable, "-m", "dvc", "checkout", "-q", "scores/two.tsv"], check=True)
    assert (finished / "scores/two.tsv").read_text() == "two\n"


@pytest.mark.parametrize("path", ["scores/two.tsv", "scores/two"])
def test_what_a_row_has_left_stays_where_it_is_in_no_cache_or_was_edited(finished, path):
    if path == "scores/two":
        (finished / "scores/two.tsv").rename(finished / path)
    else:
        shutil.rmtree(finished / ".dvc/cache")
    said = read_scores()
    assert said.startswith(f"Error: {path}: no stage writes it and git does not track it, so other clones lack it")
    assert (finished / path).read_text() == "two\n"


def test_what_no_stage_has_written_is_refused_unless_dvc_ignores_it_or_git_has_it(finished):
    choose_rows(finished, "one", "two")
    (finished / "scores/empty").mkdir()
    (finished / "scores/mine").mkdir()
    assert read_scores() == "scores/empty\nscores/mine\nscores/one.tsv\nscores/two.tsv\n"
    (finished / "scores/mine/notes.txt").write_text("mine")
    said = read_scores()
    assert said.startswith("Error: scores/mine: no stage writes it and git does not track it")
    assert "move it elsewhere, or list it in .dvcignore" in said
    (finished / ".dvcignore").write_text("/scores/mine\n")
    assert "scores/mine/notes.txt\n" in read_scores()
    (finished / ".dvcignore").unlink()
    subprocess.run(["git", "add", "scores/mine"], check=True)
    assert "scores/mine/notes.txt\n" in read_scores()


@pytest.mark.usefixtures("project")
def test_a_stage_with_sound_inputs_runs():
    assert run() == ("", True)


@pytest.mark.parametrize("path", [MODEL, TABLE])
def test_an_input_in_which_one_bit_differs_is_refused(project, path):
    flip(project / path)
    said, wrote = run()
    assert not wrote
    assert re.match(r"Error: (models/base|data/table.tsv): not as the stage make wrote it \(dvc.lock: \w+", said)
    assert "kosbert verify --repair" in said
    assert said.count("\n") == 1


def test_a_stage_that_is_run_by_hand_reads_what_it_is_given(project, monkeypatch):
    monkeypatch.delenv(stage.STAGE)
    flip(project / TABLE)
    assert run(edit(project, CODE)) == ("", True)


@pytest.mark.parametrize("path", [CODE, SCRIPT, TABLE, MODEL, "src/kosbert/training/new.py", "dvc.yaml"])
@pytest.mark.parametrize("check", [False, True])
def test_what_is_edited_while_a_stage_runs_makes_it_fail(project, path, check):
    said, wrote = run(edit(project, path), check=check)
    shown = path.removesuffix("/weights")
    told = "so its result does not match the project; run the same command again"
    assert said == f"Error: {shown}: {CHANGED}, {told}\n"
    assert wrote == (not check), "a stage that checks before it writes leaves all as it was"


def test_code_that_is_removed_while_a_stage_runs_makes_it_fail(project):
    said, _ = run((project / CODE).unlink)
    assert said.startswith(f"Error: {CODE}: {CHANGED}")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 2}, "seed"),
        ({"recipes": {"a": {"rate": 0.3}}}, "recipes.a"),
        ({"recipes": {"a": {"rate": 0.1, "new": 1}, "b": {}}}, "recipes.a"),
        ({"recipes": {"a": {"rate": 0.1}, "b": {"rate": 9}}}, None),
        ({"other": 1}, None),
    ],
)
def test_of_the_parameters_those_of_the_stage_count(project, change, told):
    text = yaml.safe_dump(PARAMS | change)
    said, _ = run(lambda: (project / "params.yaml").write_text(text, encoding="utf-8"))
    assert said.startswith(f"Error: params.yaml, {told}: {CHANGED}") if told else said == ""


def test_code_that_no_stage_uses_may_be_edited(project):
    assert run(edit(project, OTHER)) == ("", True)


def test_a_pipeline_that_is_half_edited_is_one_line(project):
    said, _ = run(edit(project, "params.yaml", "recipes: [\n"))
    assert said.startswith("Error: params.yaml: not YAML")


def test_the_md5_of_a_folder_is_that_of_dvc(project):
    for name in ("b/가.txt", "a.txt", "b.txt"):
        (project / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "folder" / name).write_text(name, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "-q", "folder"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (out,) = yaml.safe_load((project / "folder.dvc").read_text(encoding="utf-8"))["outs"]
    assert dvc_md5(project / "folder") == out["md5"]
