"""The project as a zip brings it, without its history: what needs none works, and what does says so in a line."""

import os
import re
import shutil
import zipfile

import pytest
from support.project import Project

NO_HISTORY = "there is no git repository here, so there is no history; use a clone of the project"
SET_UP = (
    "Note: there is no git repository here; DVC is now configured to work without one "
    "(core.no_scm in .dvc/config.local)"
)
UNSET = "dvc config --local --unset core.no_scm"
LEFT_ALONE = f"DVC leaves the git repository here alone (core.no_scm); to have it used: {UNSET}"


def unpacked(project, folder):
    """Unpack a zip of a project's last commit as Python does, which leaves out the files' modes."""
    project.git("archive", "--format=zip", "--prefix=Project-main/", f"--output={folder / 'main.zip'}", "HEAD")
    with zipfile.ZipFile(folder / "main.zip") as archive:
        archive.extractall(folder)
    there = Project(folder / "Project-main")
    there.environment = project.environment | {"PYTHONPATH": str(there.folder / "src")}
    return there


def files(project):
    return {path.relative_to(project.folder) for path in project.folder.rglob("*") if path.is_file()}


def git_is_missing(project, folder):
    """Have no command of a project find git."""
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\necho 'git: not found' >&2\nexit 127\n")
    (folder / "git").chmod(0o755)
    project.environment["PATH"] = f"{folder}{os.pathsep}{project.environment['PATH']}"


def test_the_benchmark_needs_no_history_and_takes_git_later(project, tmp_path):
    there = unpacked(project, tmp_path)
    path = there.environment["PATH"]
    git_is_missing(there, tmp_path / "bin")
    assert there.run("kosbert", "difference", "main", expect=1) == f"Error: cannot compare with 'main': {NO_HISTORY}\n"
    assert there.run("kosbert", "spread", expect=1) == f"Error: {NO_HISTORY}\n"
    said = there.make("benchmark")
    assert said.count(SET_UP) == 1
    assert {*re.findall(r"Running stage '([^']+)'", said)} >= {"download", "train@nli_sts", "evaluate@base", "report"}
    for file in (project.folder / "metrics").glob("*.json"):
        assert (there.folder / "metrics" / file.name).read_bytes() == file.read_bytes()
    again = there.make("benchmark")
    assert "The metrics are the same as before." in again
    assert "Running stage" not in again
    assert "git" not in again
    assert "undamaged" in there.make("verify")
    there.make("gc")
    assert "Only supported for Git repositories" in there.make("plots", expect=2)

    there.environment["PATH"] = path
    there.git("init", "-q")
    there.git("add", ".")
    there.git("commit", "-q", "-m", "mine")
    assert f"Note: {LEFT_ALONE}\n" in there.make("benchmark")
    assert there.run("kosbert", "difference", "HEAD", expect=1).endswith(f": {LEFT_ALONE}\n")
    there.run(*UNSET.split())
    assert "**Passes**" in there.run("kosbert", "difference", "HEAD")
    assert "see changes with: git diff metrics" in there.make("benchmark")
    assert there.git("status", "--porcelain") == ""


@pytest.mark.parametrize("around", ["nothing", "a repository", "a repository that ignores it"])
def test_make_clean_removes_what_was_made_and_nothing_else(project, tmp_path, around):
    there = unpacked(project, tmp_path)
    if around != "nothing":
        project.run("git", "init", "-q", str(tmp_path))
    if around == "a repository that ignores it":
        (tmp_path / ".gitignore").write_text("/Project-main\n")
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("*.md\n")  # of the user, for other projects
    there.environment["HOME"] = str(home)
    before = files(there)
    for name in ("models/best/model.safetensors", ".dvc/cache/a", ".dvc/config.local", "src/__pycache__/a", "build/a"):
        (there.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (there.folder / name).touch()
    (there.folder / "mine.txt").touch()
    there.make("clean")
    assert {str(path) for path in files(there) - before} == {".dvc/config.local", "mine.txt"}
    assert before - files(there) == set()


def test_in_a_repository_that_ignores_the_project_dvc_does_without_git(project, tmp_path):
    there = unpacked(project, tmp_path)
    project.run("git", "init", "-q", str(tmp_path))
    (tmp_path / ".gitignore").write_text("/Project-main\n")
    shutil.copytree(project.folder / ".dvc/cache", there.folder / ".dvc/cache")  # what is there need not run
    ignores = f"the git repository {tmp_path} ignores this folder"
    assert there.run("kosbert", "spread", expect=1).startswith(f"Error: {ignores}, so there is no history; ")
    said = there.run("kosbert", "benchmark")
    assert f"Note: {ignores}; DVC is now configured to work without one (core.no_scm in .dvc/config.local)\n" in said
    assert "Running stage 'train" not in said
    assert (there.folder / "models/nli_sts/model.safetensors").exists()
