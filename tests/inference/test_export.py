"""An exported model gives the original's embeddings, without torch, or says in a line what is wrong with it."""

import json
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from support.encoders import SENTENCES, of_kind
from transformers import BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig

import kosbert
from kosbert.encoder.model import load, save
from kosbert.errors import KosbertError
from kosbert.inference import export, exported
from kosbert.inference.encoder import model_of
from kosbert.inference.pytorch import Loaded, load_model


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "model"
    assert export.export(str(tiny), out) > 0.999
    return out


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig, ElectraConfig, DistilBertConfig])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_kind_of_encoder_gives_its_embeddings(tiny, tmp_path, kind, precision):
    encoder = of_kind(kind, tiny)
    save(encoder, tmp_path / "model", card="the card")
    export.export(str(tmp_path / "model"), tmp_path / "out", precision=precision)
    found = kosbert.load(tmp_path / "out").encode(SENTENCES)
    assert export.lowest_cosine(encoder.encode(SENTENCES), found) > export.LOWEST[precision]
    assert (tmp_path / "out/README.md").read_text() == "the card"


def test_it_is_the_same_model_in_another_engine(tiny, folder):
    found, original = kosbert.load(folder), kosbert.load(tiny)
    assert found.fingerprint != original.fingerprint
    assert model_of(found.fingerprint) == model_of(original.fingerprint)
    assert found.encode([]).shape == (0, found.dimensions) == original.encode([]).shape
    texts = ["네", "비가 온다.", "네", "", "길다 " * 500]
    assert np.abs(found.encode(texts) - load(tiny).encode(texts)).max() < 1e-4


def test_it_needs_no_torch(folder):
    script = (
        f"import sys, kosbert; print(kosbert.load({str(folder)!r}).encode(['네']).shape[0]); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]


def test_what_is_too_different_is_refused_and_nothing_written(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "lowest_cosine", lambda *_: float("nan"))
    with pytest.raises(KosbertError, match="too different"):
        export.export(str(tiny), tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_an_export_is_no_model_to_export(folder, tmp_path):
    with pytest.raises(KosbertError, match="exported already; give the model that it was exported from"):
        export.export(str(folder), tmp_path / "out")
    with pytest.raises(KosbertError, match="give the model that it was exported from"):
        load_model(str(folder))


def without_prompt_in_pooling(encoder):
    encoder.prompts, encoder.default_prompt_name = {"query": "query: "}, "query"
    next(module for module in encoder if hasattr(module, "include_prompt")).include_prompt = False


def with_another_tokenizer(encoder):
    encoder[0].processor = object()


class Untraceable(torch.nn.Module):
    def forward(self, _):
        raise RuntimeError("this model\ncannot be traced")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_prompt_in_pooling, "its pooling leaves out the prompt"),
        (with_another_tokenizer, r"tokenizer \(NoneType\) is not of the library tokenizers"),
        (lambda encoder: encoder.append(Untraceable()), "OpenVINO cannot convert it: .*this model cannot be traced"),
    ],
)
def test_a_model_that_cannot_be_exported_is_one_line_and_nothing_written(tiny, tmp_path, monkeypatch, spoil, reason):
    encoder = load(tiny)
    spoil(encoder)
    monkeypatch.setattr(export, "load_model", lambda _: Loaded(encoder, tiny))
    with pytest.raises(KosbertError, match=rf"^{tiny}: cannot be exported: .*{reason}"):
        export.export(str(tiny), tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_weights_that_cannot_be_written_are_one_line_and_nothing_is_left(tiny, tmp_path):
    before_limit, least = resource.getrlimit(resource.RLIMIT_FSIZE), 1 << 16  # bytes, as if the disk were full
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (least, before_limit[1]))
    try:
        with pytest.raises(KosbertError, match="the weights could not be written"):
            export.export(str(tiny), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before_limit)
        signal.signal(signal.SIGXFSZ, before)
    assert [*tmp_path.iterdir()] == []


def test_the_licence_goes_along(tiny, tmp_path):
    model = shutil.copytree(tiny, tmp_path / "model")
    (model / "LICENSE").write_text("the licence")
    export.export(str(model), tmp_path / "out")
    assert (tmp_path / "out/LICENSE").read_text() == "the licence"


@pytest.mark.parametrize("name", [exported.GRAPH, exported.WEIGHTS, exported.TOKENIZER])
def test_a_broken_export_is_one_line_that_names_the_file(folder, tmp_path, name):
    broken = shutil.copytree(folder, tmp_path / "broken")
    file = broken / name
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(KosbertError, match=rf"broken export \({name}: expected sha256"):
        kosbert.load(broken)
    file.unlink()
    with pytest.raises(KosbertError, match=rf"broken export \({name} is missing"):
        kosbert.load(broken)


def test_another_format_is_refused(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    settings = json.loads((other / exported.SETTINGS).read_text())
    (other / exported.SETTINGS).write_text(json.dumps(settings | {"format": 2}))
    with pytest.raises(KosbertError, match="another format; this kosbert reads format 1"):
        kosbert.load(other)
    for change in ({"files": None}, {"files": {}}, {"dimensions": -1}, {"dimensions": "32"}, {"prompt": None}):
        (other / exported.SETTINGS).write_text(json.dumps(settings | change))
        with pytest.raises(KosbertError, match=r"is not as it was written\); export the model again"):
            kosbert.load(other)
    (other / exported.SETTINGS).write_text("{")
    with pytest.raises(KosbertError, match="cannot be read"):
        kosbert.load(other)


def test_an_export_has_the_precision_that_it_was_exported_in(folder):
    with pytest.raises(KosbertError, match="exported in fp32, but precision is 'int8'"):
        kosbert.load(folder, precision="int8")
    with pytest.raises(KosbertError, match="exported models run on the CPU alone"):
        kosbert.load(folder, devices=["cuda:0"])
