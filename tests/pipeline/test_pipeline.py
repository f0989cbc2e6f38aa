"""The real graph in a temporary DVC repository, made small by parameters: the sample dataset, the base from scratch."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from support.commands import invoked
from support.project import Project

from kosbert import params
from kosbert.encoder.model import load
from kosbert.metrics import METRICS, read_cost, read_extra_metrics, read_metrics
from kosbert.report.table import performance


def test_every_stage_runs_and_the_table_names_its_dataset(project):
    assert re.findall(r"Running stage '([^']+)'", project.first_log)[:3] == ["download", "prepare", "base_model"]
    assert "Dataset `sample`: a made-up sample" in project.first_log
    table = (project.folder / "metrics/performance.md").read_text(encoding="utf-8")
    for readme in ("README.md", "README.ko.md"):
        assert "| **`" in (project.folder / readme).read_text(encoding="utf-8"), "the best row of the short table"
    details = (project.folder / "metrics/details.md").read_text(encoding="utf-8")
    assert table.split("\n|")[0] in details
    assert "### Seen in training" in details
    for row in ("base", "nli", "sts", "nli_sts"):
        assert tuple(json.loads((project.folder / f"metrics/{row}.json").read_text())) == METRICS
        (extra,) = json.loads((project.folder / f"metrics/extra/{row}.json").read_text()).values()
        assert tuple(extra) == METRICS
        dimensions = json.loads((project.folder / f"metrics/dimensions/{row}.json").read_text())
        assert {name: [*scores] for name, scores in dimensions.items()} == {"sts": ["32"], "spoken": ["32"]}
    assert re.search(r"^\| scratch, `nli_sts` \(ours\) .* \| +\d+\.\d \|$", table, flags=re.M), "minutes, by size"


def test_what_was_fetched_or_trained_is_not_in_git(project):
    tracked = project.git("ls-files").splitlines()
    assert [
        path for path in tracked if path.startswith(("models", "data")) and not path.startswith("data/sample")
    ] == []
    assert project.git("status", "--porcelain") == ""


def test_the_report_has_each_picture_and_dvc_plots_shows_it_once(project, tmp_path):
    report = project.folder / "report"
    pictures = sorted(path.stem for path in (report / "pictures").iterdir())
    assert {
        "scores",
        "scores_spoken",
        "by_size",
        "density_sts",
        "calibration_base",
        "training_nli",
        "training_nli_sts",
    } <= {*pictures}
    assert sorted(path.stem for path in (report / "png").iterdir()) == pictures
    page = (report / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == len(pictures)
    project.run("dvc", "plots", "show", "report/pictures", "--out", str(tmp_path / "shown"))
    shown = (tmp_path / "shown/index.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'<img src="[^"]*_report_pictures_(\w+)\.svg"', shown)) == pictures


def test_a_second_run_does_nothing(project):
    assert project.repro() == []


def test_a_clone_that_runs_the_benchmark_has_nothing_to_commit(project, tmp_path):
    project.git("clone", "-q", project.folder, str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    # No forks: the same bytes come of the interpreter itself.
    own = {"PYTHONPATH": str(clone.folder / "src"), "PATH": clone.environment["PATH"]}
    clone.environment = project.environment | own
    assert "train@nli_sts" in clone.run("kosbert", "benchmark"), "nothing comes from a cache"
    assert [*(clone.folder / "models/.costs").iterdir()], "it has measured minutes of its own"
    assert clone.git("status", "--porcelain") == ""
    assert clone.repro() == []
    chosen = params.load(clone.folder / "params.yaml")
    metrics = {row: read_metrics(clone.folder / f"metrics/{row}.json") for row in chosen.report.rows}
    extra = {row: read_extra_metrics(clone.folder / f"metrics/extra/{row}.json") for row in chosen.report.rows}
    costs = {recipe: read_cost(clone.folder / f"metrics/costs/{recipe}.json") for recipe in chosen.recipes}
    assert None not in costs.values()
    table = (clone.folder / "metrics/performance.md").read_text(encoding="utf-8")
    assert performance(chosen, metrics, costs, extra) == table


def test_the_table_comes_back_with_what_dvc_restores(project):
    values = project.params()
    before = (project.folder / "params.yaml").read_text(encoding="utf-8")
    table = project.folder / "metrics/performance.md"
    committed = table.read_bytes()
    values["recipes"]["sts"]["learning_rate"] = 2e-3
    with project.changed("params.yaml", yaml.safe_dump(values, sort_keys=False)):
        project.repro()
        assert table.read_bytes() != committed
        (project.folder / "params.yaml").write_text(before, encoding="utf-8")
        ran = project.repro()
        assert "report" in ran
        assert "train@sts" not in ran, "DVC has restored it"
        assert project.git("status", "--porcelain") == ""
        table.unlink()
        assert project.repro() == ["report"]
        assert table.read_bytes() == committed


def test_a_changed_kind_of_base_makes_no_training_on_another_stale(project):
    module = "src/kosbert/base/kobert.py"
    with project.changed(module, (project.folder / module).read_text(encoding="utf-8") + "\n# edited\n"):
        assert project.repro() == ["base_model"]


def test_an_edited_training_module_reruns_the_trainings_and_nothing_before_them(project):
    module = "src/kosbert/training/batching.py"
    with project.changed(module, (project.folder / module).read_text(encoding="utf-8") + "\n# edited\n"):
        # Their models come out the same, so nothing after them has to run.
        assert sorted(project.repro()) == ["train@nli", "train@nli_sts", "train@sts"]


def test_a_saved_model_loads_where_kosbert_is_not(project, tmp_path):
    model = project.folder / "models/nli_sts"
    script = (
        "import sys, numpy as np\n"
        "sys.modules['kosbert'] = None\n"  # importing it is now an error
        "from sentence_transformers import SentenceTransformer\n"
        "np.save(sys.argv[2], SentenceTransformer(sys.argv[1]).encode(['눈이 온다.', '비가 온다.']))\n"
    )
    command = [sys.executable, "-c", script, str(model), str(tmp_path / "there.npy")]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, cwd=tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "there.npy"), load(model).encode(["눈이 온다.", "비가 온다."]))


def test_a_models_card_tells_every_training_on_the_way_to_it(project):
    cards = {
        row: (project.folder / f"models/{row}/README.md").read_text(encoding="utf-8")
        for row in ("base", "nli", "sts", "nli_sts")
    }
    steps = {row: re.findall(r"^\d\. (.*?)[ ,]*[(,]", card, flags=re.M) for row, card in cards.items()}
    base = "Base model `scratch`"
    assert steps == {
        "base": [base],
        "nli": [base, "Recipe `nli`"],
        "sts": [base, "Recipe `sts`"],
        "nli_sts": [base, "Recipe `nli`", "Recipe `nli_sts`"],
    }
    assert "vector of 32 dimensions" in cards["nli_sts"]


def test_a_model_is_published_only_as_the_pipeline_makes_it(project, tmp_path, monkeypatch):
    def publish(out, code):
        return invoked("publish", "nli_sts", "--out", tmp_path / out, code=code).output

    monkeypatch.chdir(project.folder)
    assert "Error: dataset 'sample'" in publish("sample", 1)
    values = project.params()
    values["datasets"]["sample"]["comparable"] = True  # which nothing but tables depend on
    with project.changed("params.yaml", yaml.safe_dump(values, sort_keys=False)):
        publish("ready", 0)
        values["recipes"]["nli"]["epochs"] = 2
        (project.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        assert "Error: not up to date: train@nli; run `dvc repro evaluate@nli_sts` first" in publish("stale", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]
    data = ModelCard((tmp_path / "ready/README.md").read_text(encoding="utf-8")).data
    figures = json.loads((project.folder / "metrics/nli_sts.json").read_text())
    (extra,) = json.loads((project.folder / "metrics/extra/nli_sts.json").read_text()).values()
    assert [100 * each.metric_value for each in data.eval_results] == pytest.approx(
        [*figures.values(), *extra.values()]
    )
    assert load(tmp_path / "ready").encode(["눈이 온다."]).shape == (1, 32)


def test_without_any_source_the_benchmark_runs_on_the_sample_apart_from_the_workspace(project, tmp_path):
    values = project.params() | {"dataset": "kornlu"}
    mirrors = ["$KORNLU_MIRROR", str(tmp_path / "nowhere"), "http://127.0.0.1:9/kornlu"]
    values["datasets"]["kornlu"]["sources"] = mirrors
    for block in (values["recipes"], values["report"]["rows"]):  # one training shows it
        del block["sts"], block["nli_sts"]
    with project.changed("params.yaml", yaml.safe_dump(values, sort_keys=False)):
        project.git("commit", "-q", "-a", "-m", "KorNLU, from nowhere")
        lines = project.run("kosbert", "benchmark").splitlines()
        assert project.git("status", "--porcelain") == ""
        refused = project.run("dvc", "repro", expect=255)
        strict = project.run("kosbert", "benchmark", "--no-fall-back", expect=1)
    told = [index for index, line in enumerate(lines) if "The dataset 'kornlu' could not be downloaded" in line]
    table = next(index for index, line in enumerate(lines) if line.startswith("Dataset `sample`"))
    assert told[0] < table < told[-1], "it is said first and last"
    assert f"  {tmp_path / 'nowhere'}" in lines
    assert "  http://127.0.0.1:9/kornlu" in lines
    assert any("KORNLU_MIRROR" in line for line in lines[told[-1] :])
    assert "KorSTS/sts-train.tsv could not be downloaded" in refused
    assert "Traceback" not in refused
    assert "a stage failed; the lines above say why" in strict
    assert "Dataset `sample`" not in strict
    project.git("reset", "-q", "--hard", "HEAD~1")
    project.run("dvc", "checkout", "-q")
