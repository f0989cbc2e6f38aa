"""The stages `resample` and `report`: which files they write, from which, and in which order."""

import shutil

import pytest
import yaml
from support.stages import run_stage

from kosbert.metrics import read_cost, write_dimensions
from kosbert.report.table import BEGIN, END, performance, short

MARKED = f"before\n{BEGIN}\n{END}\nafter\n"
OUTS = {
    **{"--svg": "report/pictures", "--png": "report/png", "--page": "report/index.html"},
    **{"--table": "metrics/performance.md", "--details": "metrics/details.md", "--by-size": "docs/by_size.svg"},
}


@pytest.fixture
def here(tmp_path, project, small, monkeypatch):
    """A copy of the project as the current folder, with params.yaml and two READMEs."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump(small.model_dump(by_alias=True), sort_keys=False), encoding="utf-8"
    )
    for name in ("README.md", "README.ko.md"):
        (tmp_path / name).write_text(MARKED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def report(paths, project, here):
    def report(code=0):
        mine = {name: here / path.relative_to(project) for name, path in paths.items() if project in path.parents}
        inputs = {"--curves": "curves"} | {f"--{name}": path for name, path in (paths | mine).items()}
        readmes = [("--readme", "README.md"), ("--readme", "README.ko.md")]
        return run_stage("report", *sum([*(inputs | OUTS).items(), *readmes], ()), code=code)

    return report


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_resampling_again_gives_the_same_file(here):
    before = (here / "report/resampled.json").read_bytes()
    run_stage("resample", "--predictions", "predictions", "--out", "report/resampled.json")
    assert (here / "report/resampled.json").read_bytes() == before


def test_the_table_is_printed_and_stands_in_its_file_and_a_short_one_in_every_readme(here, report, small, results):
    said, text = report(), (here / "metrics/performance.md").read_text(encoding="utf-8")
    assert text == performance(small, results.metrics, results.costs, results.extra_metrics)
    assert text in said
    block = short(small, results.metrics, results.costs, results.extra_metrics)
    for name in ("README.md", "README.ko.md"):
        assert (here / name).read_text(encoding="utf-8") == MARKED.replace(END, f"{block}{END}")
    assert text.split("\n\n")[0] in (here / "metrics/details.md").read_text(encoding="utf-8")
    page = (here / "report/index.html").read_text(encoding="utf-8")
    for folder, suffix in (("pictures", "svg"), ("png", "png")):
        assert page.count("<figure ") == len([*(here / "report" / folder).glob(f"*.{suffix}")])
    by_size = (here / "docs/by_size.svg").read_bytes()
    assert by_size == (here / "report/pictures/by_size.svg").read_bytes()


def test_minutes_of_other_weights_are_not_shown(here, report):
    assert read_cost(here / "metrics/costs/sts.json").minutes == 2.5
    text = report()
    assert "`nli` (ours)" in text
    assert "`sts` (ours)" not in text


def test_a_readme_without_markers_changes_nothing_at_all(here, report):
    (here / "README.ko.md").write_text("no table here", encoding="utf-8")
    before = files(here)
    assert "README.ko.md: the markers" in report(code=1)
    assert files(here) == before


def test_what_dvc_restores_is_written_first_and_the_readmes_last(here, report):
    (here / "metrics/details.md").mkdir()  # so it cannot be written
    assert "metrics/details.md" in report(code=1)
    assert all((here / path).exists() for path in OUTS.values())
    assert (here / "README.md").read_text(encoding="utf-8") == MARKED


def test_a_missing_input_is_a_clear_error(here, report):
    (here / "report/resampled.json").unlink()
    assert "report/resampled.json: not found; `dvc repro` creates it" in report(code=1)


def test_what_the_tables_are_made_of_has_to_be_of_the_same_test_sets(here, report):
    shutil.rmtree(here / "predictions/extra/sts")
    assert "predictions/extra/sts: no such folder; `dvc repro` creates it" in report(code=1)
    shutil.copytree(here / "predictions/extra/nli", here / "predictions/extra/sts")
    (here / "predictions/extra/sts/other.tsv").touch()
    assert "base was scored on sts, klue, and sts on sts, klue, other; `dvc repro` brings them in line" in report(
        code=1
    )
    for row in ("base", "nli", "sts", "nli_sts"):
        (here / f"predictions/extra/{row}/klue.tsv").unlink()
    (here / "predictions/extra/sts/other.tsv").unlink()
    assert "for the test sets sts, but params.yaml names sts, klue; `dvc repro` recreates them" in report(code=1)
    run_stage("resample", "--predictions", "predictions", "--out", "report/resampled.json")
    assert "resampled.json: of other rows or test sets than those of params.yaml; `dvc repro`" in report(code=1)


def test_scores_of_dimensions_have_to_be_of_the_same_dev_sets(here, report):
    write_dimensions(here / "metrics/dimensions/sts.json", {"sts": {384: 80.0}})
    line = "sts.json: of the dev sets sts, but params.yaml names sts, klue; `dvc repro` recreates it"
    assert line in report(code=1)
