"""Two people with a clone each, a bare git repository and a DVC remote between them, as docs/dvc.md says."""

import json
import shutil

import dvc.api
import pytest
import yaml
from support.project import Project

from kosbert.files import dvc_md5
from kosbert.metrics import METRICS

MADE = (
    *("models", "pushed", "curves", "predictions", "predictions/extra", "data"),
    *("metrics", "metrics/costs", "metrics/extra", "metrics/dimensions", "report"),
)
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def shared(project, tmp_path_factory):
    """What the two share, after the first push: the folder of the git repository, beside that of the DVC remote."""
    folder = tmp_path_factory.mktemp("shared by us")
    first = cloned(project, project.folder, folder / "first")
    shutil.copytree(project.folder / ".dvc/cache", first.folder / ".dvc/cache")
    first.run("dvc", "checkout", "-q")
    first.git("init", "-q", "--bare", "-b", "main", str(folder / "git"))
    first.git("remote", "set-url", "origin", str(folder / "git"))
    first.run("dvc", "remote", "add", "--default", "store", str(folder / "store"))
    save(first, "Share the models")
    return folder


@pytest.fixture
def clones(project, shared, tmp_path):
    """Two clones that are up to date, with a copy of the shared folder to themselves."""
    shutil.copytree(shared / "git", tmp_path / "git")
    shutil.copytree(shared / "store", tmp_path / "store")
    found = [cloned(project, tmp_path / "git", tmp_path / name) for name in ("one's own", "another's")]
    for clone in found:
        clone.run("dvc", "remote", "modify", "--local", "store", "url", str(tmp_path / "store"))
        clone.run("dvc", "pull")
    return found


def cloned(project, url, folder):
    project.git("clone", "-q", str(url), str(folder))
    clone = Project(folder)
    clone.environment = {**project.environment, "PYTHONPATH": str(folder / "src")}
    return clone


def save(clone, message):
    clone.git("add", ".")
    clone.git("commit", "-q", "-m", message)
    clone.git("push", "-q", "origin", "HEAD")
    clone.run("dvc", "push")


def assert_clean(clone):
    assert UP_TO_DATE in clone.run("dvc", "status")
    assert clone.git("status", "--porcelain") == ""


def made(clone):
    return {path: sorted(each.name for each in (clone.folder / path).glob("[!.]*")) for path in MADE}


def change(clone, edit):
    values = clone.params()
    edit(values)
    (clone.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def test_a_clone_that_pulls_has_everything_and_nothing_to_do(project, clones):
    two = clones[1]
    for clone in clones:
        assert_clean(clone)
        assert made(clone) == made(project)
    assert dvc_md5(two.folder / "models/nli_sts") == dvc_md5(project.folder / "models/nli_sts")
    assert two.repro() == []
    assert "**Passes**" in two.run("kosbert", "difference", "HEAD")
    two.run("kosbert", "verify")
    assert_clean(two)


def test_a_branch_goes_from_one_clone_to_the_other(clones):
    one, two = clones
    one.git("switch", "-q", "-c", "faster")
    change(one, lambda values: values["recipes"]["sts"].update(learning_rate=1.01e-3))
    assert one.repro() == ["train@sts", "evaluate@sts", "resample", "report"]
    save(one, "Train sts faster")
    two.git("fetch", "-q")
    two.git("switch", "-q", "faster")
    two.run("dvc", "pull")
    assert_clean(two)
    diff = json.loads(two.run("dvc", "metrics", "diff", "--json", "origin/main", "faster"))
    assert sorted(diff) == [f"metrics/{kind}sts.json" for kind in ("dimensions/", "extra/", "")]
    assert "| sts " in two.run("kosbert", "difference", "origin/main")
    two.git("switch", "-q", "main")
    two.run("dvc", "checkout")
    assert_clean(two)


def test_rows_and_recipes_that_go_leave_nothing_in_any_clone(clones):
    one, two = clones

    def edit(values):
        recipes, rows = values["recipes"], values["report"]["rows"]
        del recipes["nli_sts"], rows["nli_sts"], rows["nli"]
        recipes["regressed"], rows["regressed"] = recipes.pop("sts"), rows.pop("sts")

    change(one, edit)
    assert one.repro() == ["train@regressed", "evaluate@regressed", "resample", "report"]
    left = made(one)
    assert left["models"] == left["pushed"] == ["base", "nli", "regressed"]
    assert left["curves"] == ["nli", "regressed"]
    assert left["predictions"] == ["base.tsv", "extra", "regressed.tsv"]
    assert left["predictions/extra"] == ["base", "regressed"]
    json_files = ["base.json", "regressed.json"]
    assert left["metrics"] == sorted([*json_files, "costs", "details.md", "dimensions", "extra", "performance.md"])
    assert left["metrics/extra"] == left["metrics/dimensions"] == json_files
    assert left["metrics/costs"] == ["nli.json", "regressed.json"]
    save(one, "Have fewer rows")
    two.git("pull", "-q")
    two.run("dvc", "pull")
    assert_clean(two)
    assert made(two) == made(one)
    two.git("switch", "-q", "--detach", "HEAD~1")
    two.run("dvc", "checkout")
    assert_clean(two)
    assert made(two)["models"] == ["base", "nli", "nli_sts", "sts"]


def test_other_repositories_get_models_and_files(shared, tmp_path, project, monkeypatch):
    url, tuned = str(shared / "git"), project.folder / "data/tune/tune_dev.tsv"
    elsewhere = Project(tmp_path)
    elsewhere.environment = project.environment | {"DVC_NO_ANALYTICS": "1"}  # as the project's own settings have it
    elsewhere.run("dvc", "get", url, "models/nli_sts", "--rev", "main", "--out", "encoder")
    assert dvc_md5(tmp_path / "encoder") == dvc_md5(project.folder / "models/nli_sts")
    first = Project(shared / "first")
    first.git("tag", "-a", "-m", "the first", "nli-sts@v0.1.0")  # as `gto register nli-sts` does
    first.git("push", "-q", "--tags")
    elsewhere.run("dvc", "artifacts", "get", url, "nli-sts", "--rev", "v0.1.0")
    assert dvc_md5(tmp_path / "nli_sts") == dvc_md5(project.folder / "models/nli_sts")
    monkeypatch.chdir(tmp_path)
    assert dvc.api.read("data/tune/tune_dev.tsv", repo=url, encoding="utf-8") == tuned.read_text(encoding="utf-8")
    assert tuple(json.loads(dvc.api.read("metrics/sts.json", repo=url))) == METRICS
