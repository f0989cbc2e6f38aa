"""An exported model gives the original's embeddings, without torch, or says in a line what is wrong with it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from support.encoders import SENTENCES, of_kind
from transformers import BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig

from kosbert.apps import embedder, export, exported
from kosbert.encoder import load, save
from kosbert.errors import KosbertError


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
    found = embedder.load(str(tmp_path / "out")).encode(SENTENCES)
    assert export.lowest_cosine(encoder.encode(SENTENCES), found) > export.LOWEST[precision]
    assert (tmp_path / "out/README.md").read_text() == "the card"


def test_it_is_a_model_of_its_own_for_applications(tiny, folder):
    found, original = embedder.load(str(folder)), embedder.load(str(tiny))
    assert found.fingerprint != original.fingerprint
    assert found.encode([]).shape == (0, found.dimensions) == original.encode([]).shape
    texts = ["네", "비가 온다.", "네", "", "길다 " * 500]
    assert np.abs(found.encode(texts) - load(tiny).encode(texts)).max() < 1e-4


def test_it_needs_no_torch(folder):
    script = (
        "import sys; sys.modules['torch'] = None; from kosbert.apps.exported import load; "
        f"print(load({str(folder)!r}).encode(['네']).shape[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_what_is_too_different_is_refused_and_nothing_written(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "lowest_cosine", lambda *_: float("nan"))
    with pytest.raises(KosbertError, match="too different"):
        export.export(str(tiny), tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", [exported.GRAPH, exported.WEIGHTS, exported.TOKENIZER])
def test_a_broken_export_is_one_line_that_names_the_file(folder, tmp_path, name):
    broken = shutil.copytree(folder, tmp_path / "broken")
    file = broken / name
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(KosbertError, match=rf"broken export \({name}: expected sha256"):
        exported.load(broken)
    file.unlink()
    with pytest.raises(KosbertError, match=rf"broken export \({name} is missing"):
        exported.load(broken)


def test_another_format_is_refused(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    settings = json.loads((other / exported.SETTINGS).read_text())
    (other / exported.SETTINGS).write_text(json.dumps(settings | {"format": 2}))
    with pytest.raises(KosbertError, match="another format; this kosbert reads format 1"):
        exported.load(other)
    (other / exported.SETTINGS).write_text("{")
    with pytest.raises(KosbertError, match="cannot be read"):
        exported.load(other)
