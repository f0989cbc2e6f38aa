"""What CI says of a branch, through the very Make targets that its workflows run."""

import json
import os
import re
import shutil

import pytest
import yaml
from support.commands import invoked
from support.project import Project

from kosbert.metrics import METRICS


def learn(recipe, rate):
    def change(values):
        values["recipes"][recipe]["learning_rate"] = rate

    return change


def changes(table):
    """The rows of a table of metrics: row, metric, before, now, change."""
    rows = re.findall(r"^\| (\w+) +\| ([\w.]+_\w+) +\| +(\S+) \| +(\S+) \| +(\S*) \|$", table, flags=re.MULTILINE)
    return {(row, figure): tuple(values) for row, figure, *values in rows}


@pytest.fixture
def gh(project, tmp_path, monkeypatch):
    """A stand-in for GitHub's command: it writes down what it was called with."""
    program, called = tmp_path / "bin/gh", tmp_path / "called"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{called}'\n")
    program.chmod(0o755)
    monkeypatch.setitem(project.environment, "PATH", f"{program.parent}{os.pathsep}{project.environment['PATH']}")
    return called


def test_a_harmless_change_passes_and_is_shown(project):
    with project.branch("harmless", learn("sts", 1.01e-3)):
        said = project.make("metrics-diff", "BASE=main")
        project.make("plots")
    commit = project.git("rev-parse", "--short", "main").strip()
    assert said.startswith(f"### The benchmark against `main` ({commit})\n\n")
    assert "**Passes**: no metric is more than 1 point below that of `main`." in said
    assert re.search(r"\| `recipes\.sts\.learning_rate` \| `0\.001` +\| `0\.00101` +\|", said)
    found = changes(said)
    assert {row for row, _ in found} == {"base", "nli", "sts", "nli_sts"}
    assert [key for key in found if key[0] != "sts"] == [
        (row, f"{of}cosine_spearman") for row in ("base", "nli", "nli_sts") for of in ("", "spoken.")
    ]
    assert any(float(change) for _, _, change in found.values()), "the change shows"
    page = (project.folder / "build/plots/index.html").read_text(encoding="utf-8")
    for side in ("main", "workspace"):
        assert re.search(rf'"rev": "{side}"', page), "the curves of both sides"


def test_a_broken_recipe_fails_and_the_summary_and_the_comment_say_so(project, gh, tmp_path, monkeypatch):
    monkeypatch.setitem(project.environment, "BASE", "main")
    monkeypatch.setitem(project.environment, "PULL_REQUEST", "7")
    monkeypatch.setitem(project.environment, "GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    with project.branch("broken", learn("sts", 10.0)):
        said = project.make("metrics-diff", expect=2)  # make's own code for a recipe that failed
        project.run("kosbert", "difference", "main", expect=1)
        project.make("summary")
        project.make("comment")
    found = changes(said)
    before, now, change = map(float, found["sts", "cosine_spearman"])
    assert round(now - before, 2) == change < -1
    assert "**Fails** (a metric may drop by 1 point):" in said
    assert re.search(rf"^- Row `sts` dropped: .*cosine_spearman {change:+.2f}", said, flags=re.MULTILINE)
    assert "Row `nli`" not in said
    written = (project.folder / "build/difference.md").read_text(encoding="utf-8")
    assert written in said
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == written
    asked = gh.read_text().splitlines()
    assert asked == ["pr", "comment", "7", "--edit-last", "--create-if-none", "--body-file", "build/difference.md"]


def test_a_row_that_vanishes_fails_and_a_new_one_passes(project):
    with project.branch("fewer", lambda values: values["report"]["rows"].pop("nli")):
        said = project.make("metrics-diff", expect=2)
    assert "- Row `nli` has vanished." in said
    assert [before_now[1] for key, before_now in changes(said).items() if key[0] == "nli"] == ["gone"] * 2 * len(
        METRICS
    )
    said = project.make("metrics-diff", "BASE=fewer")
    assert "**Passes**" in said
    assert "Row `nli` is new; there is nothing to compare it with." in said


def test_metrics_of_other_parameters_and_of_another_test_set_do_not_pass(project):
    values = project.params()
    values["dataset"] = "kornlu"
    with project.changed("params.yaml", yaml.safe_dump(values, sort_keys=False)):
        said = project.make("metrics-diff", expect=2)
    (stale,) = re.findall(
        r"^- Not up to date, so these metrics do not belong to the code and .* here: (.*)\. Run", said, re.M
    )
    assert {"download", "prepare"} <= {*stale.split(", ")}
    assert "- The test set differs (dataset `sample` before, `kornlu` now): the scores cannot be compared" in said


def test_metrics_pass_where_neither_data_nor_models_are(project, tmp_path):
    clone = Project(tmp_path / "clone")
    project.git("clone", "-q", ".", str(clone.folder))
    assert "**Passes**" in clone.make("metrics-diff", "BASE=HEAD")
    assert not (clone.folder / "models").exists()


def test_a_base_to_compare_with_has_to_be_there(project, monkeypatch, tmp_path):
    def refused(base, *options):
        return invoked("difference", *options, "--", base, code=1).stderr.strip()

    monkeypatch.chdir(project.folder)
    assert refused("") == "Error: BASE is empty: give a branch, tag or commit to compare with, such as main"
    reason = "HEAD~1 has no metrics to compare with: they are not committed, or have another form"
    written = tmp_path / "difference.md"
    written.write_text("what was found of another base")
    assert refused("HEAD~1", "--out", str(written)) == f"Error: {reason}"
    assert written.read_text(encoding="utf-8") == f"**Fails**: {reason}\n", "a summary and a comment say it, too"
    assert refused("-x") == "Error: cannot compare with '-x': dvc metrics: unknown Git revision '-x'"


def test_a_base_is_never_read_as_shell(project, monkeypatch):
    base = "x$(shell touch ran);touch ran\"'"
    monkeypatch.setitem(project.environment, "BASE", base)
    line, _ = project.make("metrics-diff", expect=2).strip().splitlines()
    assert line == f"Error: cannot compare with {base!r}: dvc metrics: unknown Git revision '{base}'"
    assert not (project.folder / "ran").exists()


def test_without_a_git_repository_it_is_said_so(project, tmp_path):
    there = Project(tmp_path / "there")
    shutil.copytree(project.folder, there.folder, ignore=shutil.ignore_patterns(".git", "cache", "models"))
    said = there.make("metrics-diff", expect=2)
    assert said.startswith("Error: cannot compare with 'main': there is no git repository here, so there is no ")


def test_a_pull_request_is_compared_with_what_it_is_merged_with_also_after_main_has_moved_on(project, root, tmp_path):
    workflow = yaml.safe_load((root / ".github/workflows/benchmark.yml").read_text(encoding="utf-8"))
    (base,) = re.findall(r"== 'pull_request' && '([^']+)'", workflow["env"]["BASE"])
    depth = workflow["jobs"]["benchmark"]["steps"][0]["with"]["fetch-depth"]
    origin, runner = Project(tmp_path / "origin"), Project(tmp_path / "runner")
    project.git("clone", "-q", ".", str(origin.folder))
    origin.git("commit", "-q", "--allow-empty", "-m", "a request")
    origin.git("switch", "-q", "--detach", "HEAD~1")
    origin.git("merge", "-q", "--no-ff", "-m", "the request, merged", "main")
    merged = origin.git("rev-parse", "HEAD").strip()
    (origin.folder / "metrics/sts.json").write_text(json.dumps(dict.fromkeys(METRICS, 99.0)))
    origin.git("commit", "-q", "-a", "-m", "better")
    origin.git("branch", "-q", "-f", "main", "HEAD")
    runner.folder.mkdir()  # and there, what the action for checkouts does
    runner.git("init", "-q")
    runner.git("fetch", "-q", "--no-tags", f"--depth={depth}", f"file://{origin.folder}", merged)
    runner.git("checkout", "-q", merged)
    assert "**Passes**" in runner.make("metrics-diff", f"BASE={base}")


def test_what_the_workflow_keeps_spares_the_next_run_its_trainings(project, root, tmp_path):
    workflow = yaml.safe_load((root / ".github/workflows/benchmark.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["benchmark"]["steps"]
    kept, saved = (step["with"]["path"].split() for step in steps if "actions/cache" in step.get("uses", ""))
    assert kept == saved
    assert "Running stage" not in project.make("benchmark")
    project.make("gc")
    clone = Project(tmp_path / "clone")
    project.git("clone", "-q", ".", str(clone.folder))
    lock = clone.folder / "dvc.lock"  # as another machine has committed it: with other models
    elsewhere, count = re.subn(r"(path: models/\w+\n +hash: md5\n +md5: )\w+", r"\g<1>" + "0" * 32, lock.read_text())
    assert count > 4
    lock.write_text(elsewhere)
    cost = clone.folder / "metrics/costs/sts.json"  # and that of its training, which goes with its model
    measured = cost.read_text(encoding="utf-8")
    cost.write_text(json.dumps(json.loads(measured) | {"weights": "0" * 64}))
    for path in kept:
        copy = shutil.copytree if (project.folder / path).is_dir() else shutil.copy
        copy(project.folder / path, clone.folder / path)
    ran = re.findall(r"Running stage '([^']+)'", clone.make("benchmark"))
    assert [stage for stage in ran if not stage.startswith(("evaluate@", "report"))] == []
    assert cost.read_text(encoding="utf-8") == measured
    assert "**Passes**" in clone.make("metrics-diff", "BASE=origin/main")
