"""The benchmark as a command: the table is shown at the end, and a failure of a stage is one line."""

import os
import shutil
import subprocess

import pytest

from kosbert.errors import KosbertError
from kosbert.project import benchmark, dvc


@pytest.fixture
def here(tmp_path, root, monkeypatch):
    """A folder with the parameters and a table, as the project's top folder."""
    shutil.copy(root / "params.yaml", tmp_path)
    (tmp_path / benchmark.TABLE).parent.mkdir()
    (tmp_path / benchmark.TABLE).write_text("the old table")
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


@pytest.fixture
def pipeline(here, root):
    """A project with the real pipeline, in which git and DVC are set up."""
    for name in ("dvc.yaml", ".dvc/config", ".gitignore"):
        (here / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, here / name)
    subprocess.run(["git", "init", "-q"], cwd=here, check=True)
    return here


@pytest.mark.parametrize("folder", ["models", "data", "curves", "report", "data/tune"])
def test_a_link_out_of_the_project_is_one_line_before_anything_runs(pipeline, stages, tmp_path_factory, folder):
    calls = stages(lambda _: True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (pipeline / folder).parent.mkdir(exist_ok=True)
    (pipeline / folder).symlink_to(elsewhere)
    with pytest.raises(KosbertError, match=rf"^{folder}: is a link to {elsewhere}, .* symlink$"):
        benchmark.run()
    assert calls == []


@pytest.mark.parametrize("name", ["data/raw/KorSTS/sts-train.tsv", "data/tune/tune_dev.tsv"])
@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_what_never_ends_is_one_line_before_dvc_reads_it(pipeline, stages, name, kind):
    calls = stages(lambda _: True)
    (pipeline / name).parent.mkdir(parents=True, exist_ok=True)
    if kind == "a pipe":
        os.mkfifo(pipeline / name)
    else:
        (pipeline / name).symlink_to("/dev/zero")
    with pytest.raises(KosbertError, match=f"^{name}: is neither a file nor a folder; "):
        benchmark.run()
    assert calls == []


@pytest.mark.parametrize("link", ["in the project", "of one model", "of the cache", "of other data", "without git"])
def test_other_links_do_not_matter(pipeline, stages, tmp_path_factory, link):
    calls = stages(lambda _: True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    if link == "in the project":
        (pipeline / "inner").mkdir()
        elsewhere = "inner"
    if link == "without git":
        (pipeline / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    (pipeline / "models").mkdir()
    names = {"of one model": "models/best", "of the cache": ".dvc/cache", "of other data": "corpora"}
    name = names.get(link, "curves")
    (pipeline / name).symlink_to(elsewhere)
    benchmark.run()
    assert calls == [("repro",)]


def test_a_broken_pipeline_is_left_to_dvc(pipeline, stages):
    (pipeline / "dvc.yaml").write_text("stages: [")
    calls = stages(lambda _: False)
    with pytest.raises(KosbertError, match=r"^a stage failed; "):
        benchmark.run(fall_back=False)
    assert calls == [("repro",)]
