"""`kosbert verify` on a pipeline of one stage: odd things among the outputs, and in somebody else's dvc.lock."""

import hashlib
import json
import os
import shutil

import pytest
import yaml
from dvc.repo import Repo
from support.commands import invoked

PIPELINE = {"stages": {"make": {"cmd": "mkdir -p d && echo 1 > d/x && echo 2 > d/y && echo 3 > f", "outs": ["d", "f"]}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "project"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Repo.init(no_scm=True).close()
        (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE), encoding="utf-8")
        with Repo() as repo:
            repo.reproduce()
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    (tmp_path / "victim").write_text("of another project", encoding="utf-8")
    monkeypatch.chdir(shutil.copytree(made, tmp_path / "project"))
    yield tmp_path / "project"
    assert (tmp_path / "victim").read_text(encoding="utf-8") == "of another project"


def verify(*options, code=0):
    return invoked("verify", *options, code=code).output


def lock(project, out, **values):
    path = project / "dvc.lock"
    locked = yaml.safe_load(path.read_text(encoding="utf-8"))
    next(each for each in locked["stages"]["make"]["outs"] if each["path"] == out).update(values)
    path.write_text(yaml.safe_dump(locked), encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_what_is_as_it_was_made_is_undamaged():
    assert verify() == "3 files made by stages, 3 of them present: undamaged\n"


@pytest.mark.parametrize("path", ["../victim", "/etc/hostname"])
def test_nothing_outside_of_the_project_is_mended(project, path):
    lock(project, "f", path=path)
    assert f"Error: dvc.lock: {path} is outside the project" in verify("--repair", code=1)


def test_a_list_of_files_that_leads_outside_is_refused(project):
    listing = json.dumps([{"md5": "0" * 32, "relpath": "../../victim"}]).encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    (project / ".dvc/cache/files/md5" / md5[:2]).mkdir()
    (project / ".dvc/cache/files/md5" / md5[:2] / f"{md5[2:]}.dir").write_bytes(listing)
    lock(project, "d", md5=f"{md5}.dir")
    assert "d/../../victim is outside the project" in verify("--repair", code=1)


def test_what_is_no_md5_leads_to_no_file(project):
    lock(project, "f", md5="../../../../victim")
    assert "../../../../victim is no MD5" in verify("--repair", code=1)


@pytest.mark.parametrize("text", ["", "[]", "stages: []", "a: [", "schema: '2.0'\nstages:\n  make: null\n"])
def test_a_broken_lock_is_one_line(project, text):
    (project / "dvc.lock").write_text(text, encoding="utf-8")
    said = verify(code=1)
    assert said.startswith("Error: DVC cannot read the pipeline: ")
    assert said.count("\n") == 1


def to_pipe(project):
    (project / "f").unlink()
    os.mkfifo(project / "f")


def to_file(project):
    shutil.rmtree(project / "d")
    (project / "d").write_text("no folder", encoding="utf-8")


def to_folder(project):
    (project / "f").unlink()
    (project / "f").mkdir()


@pytest.mark.parametrize("change", [to_pipe, to_file, to_folder])
def test_what_is_of_another_kind_makes_room_for_what_was_made(project, change):
    change(project)
    assert "Error: 1 damaged file; " in verify(code=1)
    assert "repaired" in verify("--repair")
    with Repo() as repo:
        repo.checkout()
    assert "3 of them present: undamaged" in verify()
