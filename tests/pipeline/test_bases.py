"""Every base model of the originals through the pipeline: one parameter changes, nothing else."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from huggingface_hub import ModelCard
from support.bases import write_klue_roberta, write_kobert, write_korbert
from support.hub import REVISION, hub

from kosbert.data.tables import read_nli, read_tune
from kosbert.metrics import METRICS

STAGES = ["base_model", "train@nli", "train@nli_sts"]
EVERY_WAY_OUT = [
    ["push"],
    ["push", "--run-cache"],
    ["push", "--all-branches", "--all-tags", "--all-commits"],
    ["push", "--remote", "shared", "models/base", "pushed/base", "models/nli_sts"],
    ["push", "--with-deps", "evaluate@nli_sts"],
    ["push", "--recursive", "."],
    ["commit", "--force"],
    ["push"],
]


@pytest.fixture(scope="module")
def sentences(project):
    tune, nli = project.folder / "data/tune/tune_train.tsv", project.folder / "data/nli/train.tsv"
    return [sentence for rows in (read_tune(tune), read_nli(nli)) for row in rows for sentence in row[:2]]


@pytest.fixture
def unchanged(project):
    """Bring the project back to where it was."""
    with project.changed("params.yaml", (project.folder / "params.yaml").read_text(encoding="utf-8")):
        yield


def experiment(project, *settings, targets=()):
    options = [option for setting in settings for option in ("-S", setting)]
    return project.run("dvc", "exp", "run", *options, *targets)


def load_elsewhere(model, cwd):
    """Load a model where this package is not, with everything that could run code of its own refused."""
    script = (
        "import sys; sys.modules['kosbert'] = None\n"
        "from sentence_transformers import SentenceTransformer\n"
        "model = SentenceTransformer(sys.argv[1], trust_remote_code=False)\n"
        "print(model.encode(['한 남자가 기타를 친다.']).shape, model.tokenizer.is_fast, model.tokenizer.pad_token_id,"
        " model[0].model.config.pad_token_id)\n"
    )
    command = [sys.executable, "-c", script, str(model)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, check=True, env=environment, cwd=cwd, capture_output=True, text=True).stdout.strip()


def hashes(project, target):
    """The hashes under which DVC's cache has the model or data of a stage: the folder's own and its files'."""
    outs = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"][target]["outs"]
    (own,) = [out["md5"] for out in outs if out["path"].startswith(("models/", "data/"))]
    listing = json.loads((project.folder / f".dvc/cache/files/md5/{own[:2]}/{own[2:]}").read_text())
    return {own.removesuffix(".dir"), *(entry["md5"] for entry in listing)}


@pytest.mark.usefixtures("unchanged")
def test_etri_korbert_is_one_parameter_and_its_licence_goes_with_it(project, sentences, tmp_path):
    common = set().union(*(hashes(project, stage) for stage in STAGES))  # small files such as modules.json
    write_korbert(project.folder.parent / "003_bert_eojeol_pytorch", sentences)
    log = experiment(project, "base_model=etri-korbert", targets=["evaluate@nli_sts"])
    for stage in (*STAGES, "evaluate@nli_sts"):
        assert f"Running stage '{stage}'" in log
    for model in ("base", "nli", "nli_sts"):
        card = (project.folder / f"models/{model}/README.md").read_text(encoding="utf-8")
        assert "license: other" in card
        assert "neither the base nor a model trained from it may be passed on" in card
    assert load_elsewhere(project.folder / "models/nli_sts", tmp_path) == "(1, 32) True 0 0"
    assert project.git("status", "--porcelain", "--", "models") == ""

    remote = tmp_path / "remote"
    project.run("dvc", "remote", "add", "--local", "--default", "shared", str(remote))
    ours = {stage: hashes(project, stage) for stage in STAGES}
    try:
        project.git("init", "-q", "--bare", str(tmp_path / "git"))
        (name,) = re.findall(r"Ran experiment\(s\): (\S+)", log)
        for command in EVERY_WAY_OUT:
            project.run("dvc", *command)
        project.run("dvc", "exp", "push", "--rev", "HEAD", str(tmp_path / "git"), name)
        # Another base is chosen again, but not yet run.
        project.git("checkout", "-q", "params.yaml")
        for command in EVERY_WAY_OUT:
            project.run("dvc", *command)
        project.run("dvc", "repro", "--force", "--single-item", "base_model")
        project.run("dvc", "push")
    finally:
        project.run("dvc", "remote", "remove", "--local", "shared")
    sent = {"".join(path.parts[-2:]).removesuffix(".dir") for path in remote.glob("files/md5/*/*")}
    assert hashes(project, "download") <= sent
    assert hashes(project, "base_model") <= sent, "the other base may be passed on"
    for stage in STAGES:
        assert len(ours[stage] - common) > 3, "weights, tokenizer, card, digests"
        assert (ours[stage] - common) & sent == set()


@pytest.mark.usefixtures("unchanged")
@pytest.mark.exhaustive
def test_skt_kobert_is_one_parameter_and_a_folder(project, sentences, tmp_path):
    folder = write_kobert(tmp_path / "kobert", sentences)
    settings = ("base_model=skt-kobert", f"base_models.skt-kobert.path={folder}")
    experiment(project, *settings, targets=["evaluate@nli"])
    card = ModelCard((project.folder / "models/nli/README.md").read_text(encoding="utf-8"))
    assert card.data.license == ["apache-2.0", "mit"], "of the base, and of the data"
    assert load_elsewhere(project.folder / "models/nli", tmp_path) == "(1, 32) True 1 1"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.exhaustive
def test_klue_roberta_comes_from_the_hub(project, sentences, tmp_path, monkeypatch):
    folder = write_klue_roberta(tmp_path / "klue", sentences)
    with hub({"klue/roberta-base": folder}) as server:
        monkeypatch.setitem(project.environment, "HF_ENDPOINT", server.address)
        monkeypatch.setitem(project.environment, "HF_HOME", str(tmp_path / "home"))
        settings = ("base_model=klue-roberta", f"base_models.klue-roberta.revision={REVISION}")
        log = experiment(project, *settings, targets=["evaluate@base"])
    assert "models/base: klue-roberta" in log
    assert "license: cc-by-sa-4.0" in (project.folder / "models/base/README.md").read_text(encoding="utf-8")
    assert tuple(json.loads((project.folder / "metrics/base.json").read_text())) == METRICS


@pytest.mark.usefixtures("unchanged")
def test_a_base_that_is_not_there_is_one_line_and_the_old_model_stays(project):
    before = hashes(project, "base_model")
    log = project.run(
        "dvc", "exp", "run", "-S", "base_model=etri-korbert", "-S", "base_models.etri-korbert.path=nowhere", expect=255
    )
    assert "Error: base model: no folder nowhere" in log
    assert "Traceback" not in log
    project.git("checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    assert hashes(project, "base_model") == before
