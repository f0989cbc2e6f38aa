"""Bases from a model hub: the real loading code against a stand-in of the hub, and what may be wrong there."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from support.bases import write_klue_roberta
from support.hub import REVISION, hub
from transformers import BertConfig, GPT2Config, T5Config

from kosbert.base.hub import load
from kosbert.errors import KosbertError

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")
# The library reads the hub's address when it is imported: so a process of its own.
SCRIPT = """
import json, sys
from pathlib import Path
from kosbert import params
from kosbert.base import hub
from kosbert.base.build import typed
from kosbert.errors import KosbertError
base = params.load(Path(sys.argv[1])).base_models["klue-roberta"]
for name, revision in json.loads(sys.argv[2]):
    try:
        wanted = typed("klue-roberta", base.model_copy(update={"name": name, "revision": revision}))
        backbone = hub.load(wanted)
        print(backbone.tokenizer("한국어").input_ids, float(backbone.model.embeddings.word_embeddings.weight.sum()))
    except KosbertError as error:
        print(error.message)
"""
NAME = "klue/roberta-base"
REFUSED = {
    ("klue/no-such", REVISION): "the hub has no model of this name",
    ("klue/gated", "main"): "its owner wants an agreement",
    (NAME, "f" * 40): "the model has no such revision",
    ("klue roberta", "main"): "this is no name of a model, such as klue/roberta-base",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sentences):
    return write_klue_roberta(tmp_path_factory.mktemp("hub") / "klue", [*sentences, "한국어"])


@pytest.fixture
def ask(root, tmp_path):
    """Load models in a process whose hub is at an address; return what it prints."""

    def ask(address, *models, **environment):
        environment |= {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(root / "src")}
        command = [sys.executable, "-c", SCRIPT, str(root / "params.yaml"), json.dumps(models or [(NAME, REVISION)])]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return ask


@pytest.fixture
def local(folder, tmp_path, base_of):
    """A copy of the model's folder, and the base that is loaded from there."""
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    return copy, base_of("klue-roberta", path=str(copy))


@pytest.fixture
def pytorch(folder, tmp_path):
    """The model without safetensors."""
    copy = shutil.copytree(folder, tmp_path / "pytorch")
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    return copy


def test_it_is_fetched_once_and_what_the_hub_has_not_is_one_line(folder, pytorch, ask):
    wanted = [(NAME, REVISION), (NAME, "main"), ("klue/pytorch", REVISION)]
    with hub({NAME: folder, "klue/pytorch": pytorch, "klue/gated": None}) as server:
        first, moved, again, other, *refused = ask(server.address, *wanted, *REFUSED).splitlines()
        assert "model.safetensors" in server.asked
    assert first.startswith("[0, ")
    assert moved.endswith(f"revision main is now {REVISION}; write that as `revision` to keep it")
    assert first == again == other, "a revision that moves, and weights of PyTorch"
    for ((name, revision), reason), line in zip(REFUSED.items(), refused, strict=True):
        assert line.startswith(
            f"base model: {name} (revision {revision}) could not be downloaded from the hub: {reason}"
        )
        assert line.endswith("or set `path` to a folder with the model's files.")
    kept, missing = ask(
        "http://127.0.0.1:9", (NAME, REVISION), ("klue/never-asked", REVISION), HF_HUB_OFFLINE="1"
    ).splitlines()
    assert kept == first
    assert "could not be downloaded from the hub: no connection, and it is not in the cache" in missing


def test_after_a_broken_connection_the_next_run_recovers(folder, ask):
    with hub({NAME: folder}, broken=("model.safetensors",)) as server:
        assert "the connection broke off; run the same command again" in ask(server.address)
    with hub({NAME: folder}) as server:
        assert ask(server.address).startswith("[0, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "has no config.json; it has"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not the configuration of a model"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "no-such"}'), "not the configuration of"),
        (lambda folder: T5Config().save_pretrained(folder), "t5 is not an encoder"),
        (lambda folder: BertConfig(is_decoder=True).save_pretrained(folder), "bert is not an encoder"),
        (lambda folder: GPT2Config().save_pretrained(folder), "gpt2 is not an encoder"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors or"),
        (lambda folder: [(folder / name).unlink() for name in TOKENIZER], "has no tokenizer.json or vocab.txt or"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot load the tokenizer"),
    ],
)
def test_a_folder_that_is_no_encoder_is_one_line(local, change, message):
    folder, base = local
    change(folder)
    with pytest.raises(KosbertError, match=message) as error:
        load(base)
    assert "\n" not in error.value.message


def test_code_of_a_model_is_never_run(local):
    folder, base = local
    values = json.loads((folder / "config.json").read_text())
    auto = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(values | {"model_type": "evil", "auto_map": auto}))
    (folder / "evil.py").write_text(f"open({str(folder / 'was-here')!r}, 'w')\n")
    with pytest.raises(KosbertError, match="custom code"):
        load(base)
    assert not (folder / "was-here").exists()
