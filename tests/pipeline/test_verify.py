"""Bytes that a broken disk has changed, here and in DVC's cache: found, never made into metrics, and mended."""

import pytest
from support.rot import flip

from kosbert.files import dvc_md5

PUBLISHABLE = "from kosbert.project.publish import check_up_to_date; check_up_to_date('base')"
WEIGHTS, PUSHED, TEST = "models/base/model.safetensors", "pushed/base/model.safetensors", "data/tune/tune_test.tsv"


@pytest.fixture
def whole(project):
    """The project, which is again as it was after the test."""
    before = {path: dvc_md5(project.folder / path) for path in ("models", "data/tune", "metrics", "predictions")}
    assert "undamaged" in project.run("kosbert", "verify")
    yield project
    assert {path: dvc_md5(project.folder / path) for path in before} == before
    assert project.git("status", "--porcelain") == ""
    assert project.repro() == []
    assert "undamaged" in project.run("kosbert", "verify")


def cached(project, path):
    md5 = dvc_md5(project.folder / path)
    return project.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def rot(file):
    file.chmod(0o644)
    flip(file)


def test_metrics_are_never_made_of_a_damaged_model(whole):
    copies = [whole.folder / WEIGHTS, whole.folder / PUSHED, cached(whole, WEIGHTS)]
    for copy in copies:
        rot(copy)
    assert f"{WEIGHTS}: not as `dvc repro` made it" in whole.run("python", "-c", PUBLISHABLE, expect=1)
    said = whole.run("dvc", "repro", "--force", "--single-item", "evaluate@base", expect=255)
    assert "Error: models/base: not as the stage base_model wrote it" in said
    found = whole.make("verify", expect=2)
    assert f"{WEIGHTS}: damaged\n" in found
    assert f", DVC's copy of {WEIGHTS}: damaged\n" in found
    assert "Error: 3 damaged files; run `kosbert verify --repair`" in found
    assert "repaired" in whole.run("kosbert", "verify", "--repair")
    assert [copy.exists() for copy in copies] == [False, False, False]
    assert whole.repro()[0] == "base_model"


def test_metrics_are_never_made_of_another_test_set(whole):
    lines = (whole.folder / TEST).read_text(encoding="utf-8").splitlines()
    other = "\n".join([*lines[1:], lines[0]]) + "\n"  # valid rows, of the same size
    copy = cached(whole, TEST)
    copy.chmod(0o644)
    copy.write_text(other, encoding="utf-8")
    (whole.folder / TEST).unlink()
    whole.run("dvc", "checkout", "-q", TEST)
    assert (whole.folder / TEST).read_text(encoding="utf-8") == other
    said = whole.run("dvc", "repro", "--force", "--single-item", "evaluate@sts", expect=255)
    assert f"Error: {TEST}: not as the stage prepare wrote it" in said
    whole.run("kosbert", "verify", "--repair")
    whole.repro()


def test_a_damaged_copy_is_restored_from_the_other(whole):
    kept, restored = cached(whole, WEIGHTS), cached(whole, "predictions/sts.tsv")
    rot(whole.folder / WEIGHTS)
    rot(kept)  # a third one is in pushed/base
    rot(restored)
    (listing,) = whole.folder.glob(f".dvc/cache/files/md5/*/{dvc_md5(whole.folder / 'curves/sts')[2:]}")
    rot(listing)
    stray = whole.folder / "models/sts/stray.txt"
    stray.write_text("of nobody", encoding="utf-8")
    found = whole.run("kosbert", "verify", expect=1)
    assert "models/sts/stray.txt: made by no stage\n" in found
    assert "Error: 5 damaged files" in found
    whole.run("kosbert", "verify", "--repair")
    assert not stray.exists()
    assert dvc_md5(restored) == dvc_md5(whole.folder / "predictions/sts.tsv")
    assert kept.exists()
    whole.run("dvc", "checkout", "-q")


def test_code_that_was_edited_is_told_and_left_alone(whole):
    path = whole.folder / "stages/report.py"
    with whole.changed("stages/report.py", path.read_text(encoding="utf-8") + "# edited\n"):
        found = whole.run("kosbert", "verify", "--repair", expect=1)
        assert "stages/report.py: changed since the stages that depend on it ran\n" in found
        assert path.read_text(encoding="utf-8").endswith("# edited\n")
