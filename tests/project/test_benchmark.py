"""The benchmark as a command: the table is shown at the end, and a failure of a stage is one line."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kosbert.errors import KosbertError
from kosbert.project import benchmark, dvc, git


@pytest.fixture
def here(tmp_path, root, monkeypatch):
    """A folder with the pipeline, its parameters and a table, as the project's top folder, in git."""
    for name in ("dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".gitignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    (tmp_path / benchmark.TABLE).parent.mkdir()
    (tmp_path / benchmark.TABLE).write_text("the old table")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stages(monkeypatch):
    """Replace DVC by a function that `run` can be set to; return a list of its calls."""
    calls = []

    def replace(run):
        monkeypatch.setattr(dvc, "run", lambda *arguments, cwd: calls.append(arguments) or run(cwd))
        return calls

    return replace


@pytest.mark.usefixtures("here")
def test_the_table_is_shown_unless_a_stage_has_just_shown_it(stages, capsys):
    calls = stages(lambda _: True)
    benchmark.run()
    assert calls == [("repro",)]
    assert "The metrics are the same as before.\n\nthe old table" in capsys.readouterr().out
    stages(lambda cwd: (cwd / benchmark.TABLE).write_text("the new table"))
    benchmark.run()
    output = capsys.readouterr().out
    assert "table\n" not in output
    assert "The table is in metrics/performance.md" in output


@pytest.mark.parametrize("reason", ["no fallback", "reachable", "present", "the sample itself"])
def test_a_failed_stage_is_one_line_where_the_sample_is_not_to_stand_in(here, stages, monkeypatch, reason):
    calls = stages(lambda _: False)
    monkeypatch.setattr(benchmark.download, "reachable", lambda _: reason == "reachable")
    monkeypatch.setattr(benchmark.download, "present", lambda *_: reason == "present")
    if reason == "the sample itself":
        params = here / "params.yaml"
        params.write_text(params.read_text(encoding="utf-8").replace("\ndataset: kornlu", "\ndataset: sample"))
    with pytest.raises(KosbertError, match=r"^a stage failed; .*: fix it and run this again\.$"):
        benchmark.run(fall_back=reason != "no fallback")
    assert calls == [("repro",)]


@pytest.mark.parametrize("folder", ["models", "data", "curves", "report", "data/tune"])
def test_a_link_out_of_the_project_is_one_line_before_anything_runs(here, stages, tmp_path_factory, folder):
    calls = stages(lambda _: True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (here / folder).parent.mkdir(exist_ok=True)
    (here / folder).symlink_to(elsewhere)
    with pytest.raises(KosbertError, match=rf"^{folder}: is a link to {elsewhere}, .* symlink$"):
        benchmark.run()
    assert calls == []


@pytest.mark.parametrize("name", ["data/raw/KorSTS/sts-train.tsv", "data/tune/tune_dev.tsv"])
@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_what_never_ends_is_one_line_before_dvc_reads_it(here, stages, name, kind):
    calls = stages(lambda _: True)
    (here / name).parent.mkdir(parents=True, exist_ok=True)
    if kind == "a pipe":
        os.mkfifo(here / name)
    else:
        (here / name).symlink_to("/dev/zero")
    with pytest.raises(KosbertError, match=f"^{name}: is neither a file nor a folder; "):
        benchmark.run()
    assert calls == []


@pytest.mark.parametrize("link", ["in the project", "of one model", "of the cache", "of other data", "without git"])
def test_other_links_do_not_matter(here, stages, tmp_path_factory, link):
    calls = stages(lambda _: True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    if link == "in the project":
        (here / "inner").mkdir()
        elsewhere = "inner"
    if link == "without git":
        (here / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    (here / "models").mkdir()
    names = {"of one model": "models/best", "of the cache": ".dvc/cache", "of other data": "corpora"}
    name = names.get(link, "curves")
    (here / name).symlink_to(elsewhere)
    benchmark.run()
    assert calls == [("repro",)]


def test_a_broken_pipeline_is_left_to_dvc(here, stages):
    (here / "dvc.yaml").write_text("stages: [")
    calls = stages(lambda _: False)
    with pytest.raises(KosbertError, match=r"^a stage failed; "):
        benchmark.run(fall_back=False)
    assert calls == [("repro",)]


@pytest.mark.parametrize("history", [True, False])
def test_the_copy_for_the_sample_has_what_gitignore_does_not_name(here, stages, monkeypatch, tmp_path_factory, history):
    made = ("models/best/a", "data/raw/a", ".venv/a", "src/__pycache__/a", ".dvc/cache/a", ".dvc/config.local", "own/b")
    kept = ("src/models/a", "data/sample/a", "metrics/base.json", "own/a", "한글 이름")
    for name in (*made, *kept):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).touch()
    (here / "own/.gitignore").write_text("b\n")
    (here / "own/pictures").symlink_to(tmp_path_factory.mktemp("large"))
    if not history:
        shutil.rmtree(here / ".git")
        (here / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    monkeypatch.setattr(benchmark.download, "reachable", lambda _: False)
    monkeypatch.setattr(benchmark.download, "present", lambda *_: False)
    copies = []

    def look(cwd):
        copies.append({path.relative_to(cwd).as_posix() for path in cwd.rglob("*") if path.is_file()})
        return cwd != Path()

    stages(look)
    benchmark.run()
    ours = {"dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".gitignore", benchmark.TABLE.as_posix()}
    assert copies[-1] == {*kept, *ours, "own/.gitignore"}


def test_without_history_dvc_is_set_to_do_without_git_and_it_is_said_once(here, capsys):
    shutil.rmtree(here / ".git")
    dvc.set_up()
    assert "no_scm = true" in (here / ".dvc/config.local").read_text()
    assert capsys.readouterr().err == (
        "Note: there is no git repository here; DVC is now configured to work without one "
        "(core.no_scm in .dvc/config.local)\n"
    )
    dvc.set_up()
    assert capsys.readouterr().err == ""


def test_a_repository_that_is_broken_is_left_to_dvc(here, capsys):
    shutil.rmtree(here / ".git")
    (here / ".git").mkdir()
    dvc.set_up()
    assert capsys.readouterr().err == ""
    assert not (here / ".dvc/config.local").exists()
    with pytest.raises(KosbertError, match=r"^dvc status: .* is not a git repository$"):
        dvc.ask("status", "--json")


def test_settings_that_dvc_cannot_read_are_one_line(here):
    (here / ".dvc/config.local").write_text("[core")
    with pytest.raises(KosbertError, match=r"^\.dvc: settings that DVC cannot read: [^\n]* at line 1\.$"):
        benchmark.run()


def test_a_copy_without_the_hidden_files_is_one_line(here):
    shutil.rmtree(here / ".dvc")
    with pytest.raises(KosbertError, match=r"^\.dvc: not found; copy the project's hidden files as well$"):
        benchmark.run()


def test_without_git_installed_it_is_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KosbertError, match=r"^git show: git is not installed; install it, then run this again$"):
        git.ask("show", "HEAD")
