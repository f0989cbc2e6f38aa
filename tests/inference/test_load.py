"""`kosbert.load`: every kind of model behind one interface, named by its fingerprint, and safe to share."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from support.encoders import CLOSE

import kosbert
from kosbert.encoder.encode import encode
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.inference.encoder import model_of
from kosbert.inference.export import export
from kosbert.inference.pytorch import PyTorchEncoder, model_digest

TEXTS = ["눈이 온다.", "비", "눈이 온다.", "", "길다 " * 300]
BF16 = 2e-2  # the largest difference of a number of the tiny model in bf16
# Every kind of encoder, and how near its embeddings are to those of sentence-transformers: difference, or cosine.
KINDS = {
    "fp32": ({"precision": "fp32"}, 1e-5),
    "bf16": ({"precision": "bf16"}, BF16),
    "int8": ({"precision": "int8"}, None),
    "pool": ({"precision": "fp32", "devices": ["cpu", "cpu"]}, 1e-5),
    "openvino": ({}, 1e-4),
    "onnx": ({}, 1e-4),
}


@pytest.fixture
def model(tiny):
    return load(tiny)


@pytest.fixture(scope="module")
def found(tiny, tmp_path_factory):
    """What each kind of encoder says of itself and of some texts."""
    exported = tmp_path_factory.mktemp("exported")
    for name in ("openvino", "onnx"):
        export(str(tiny), exported / name, formats=[name])
    said = {}
    for kind, (options, _) in KINDS.items():
        with kosbert.load(exported / kind if (exported / kind).exists() else tiny, **options) as encoder:
            said[kind] = encoder.fingerprint, encoder.dimensions, encoder.encode(TEXTS), encoder.encode([])
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_are_those_of_sentence_transformers_in_the_order_given(found, model, kind):
    _, dimensions, embeddings, none = found[kind]
    plain, tolerance = model.encode(TEXTS), KINDS[kind][1]
    assert embeddings.dtype == none.dtype == np.float32
    assert embeddings.shape == (len(TEXTS), dimensions) == plain.shape
    assert none.shape == (0, dimensions)
    if tolerance:
        assert np.abs(embeddings - plain).max() < tolerance
    cosines = (embeddings * plain).sum(1) / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(plain, axis=1)
    assert cosines.min() > (0.97 if kind == "int8" else 0.999)


def test_each_kind_has_a_fingerprint_of_its_own_and_all_but_int8_are_of_one_model(found):
    fingerprints = {kind: fingerprint for kind, (fingerprint, *_) in found.items()}
    assert len({*fingerprints.values()}) == len(KINDS)
    same = {model_of(fingerprint) for kind, fingerprint in fingerprints.items() if kind != "int8"}
    assert len(same) == 1
    assert model_of(fingerprints["int8"]) not in same


def test_a_single_text_is_refused_with_what_to_write(tiny):
    with pytest.raises(KosbertError, match=r"expected a list of texts, found a single text; write \[text\]"):
        kosbert.load(tiny).encode("눈이 온다.")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"precision": "fp64"}, "precision is 'fp64'; expected one of auto, fp32, bf16, int8"),
        ({"devices": "cpu"}, r"devices is the text 'cpu'; expected a list, such as \['cpu'\]"),
        ({"devices": ["nonsense"]}, "device nonsense: not available here"),
        ({"devices": ["cpu", "nonsense"]}, "device nonsense: not available here"),
        ({"precision": "int8", "devices": ["cuda"]}, "int8 runs only on the CPU"),
    ],
)
def test_what_cannot_be_is_one_line(tiny, options, line):
    with pytest.raises(KosbertError, match=line) as error:
        kosbert.load(tiny, **options)
    assert "\n" not in error.value.message


@pytest.mark.parametrize("devices", [[], ["cpu", "cpu"]], ids=["alone", "pool"])
def test_no_model_is_one_line(tmp_path, devices):
    with pytest.raises(KosbertError, match="not a sentence-transformers model"):
        kosbert.load(tmp_path, devices=devices)


def test_a_closed_encoder_says_so(tiny):
    with kosbert.load(tiny) as encoder:
        encoder.encode(["비"])
    with pytest.raises(KosbertError, match="this encoder is closed"):
        encoder.encode(["비"])


def another_weight(model):
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] += 1e-3


def another_prompt(model):
    model.prompts["other"] = "query: "
    model.default_prompt_name = "other"


def another_word(model):
    model.tokenizer.add_tokens(["낱말하나"])


def another_pooling(model):
    (pooling,) = (module for module in model if type(module).__name__ == "Pooling")
    number = [*model._modules.values()].index(pooling)
    settings = pooling.get_config_dict() | {"pooling_mode": "cls"}
    model._modules[[*model._modules][number]] = type(pooling)(**settings)


def another_length(model):
    model.max_seq_length = 7


@pytest.mark.parametrize(
    "change", [another_weight, another_prompt, another_word, another_pooling, another_length], ids=lambda f: f.__name__
)
def test_what_changes_embeddings_changes_the_digest(model, change):
    before = model_digest(model)
    change(model)
    assert model_digest(model) != before


def test_the_digest_is_of_the_model_and_not_of_its_use_or_folder(model, tiny, tmp_path):
    before = model_digest(model)
    model.encode(["눈이 온다.", "비"], batch_size=2)
    encode(model, ["바람이 분다.", "해"])
    assert model_digest(model) == before
    assert model_of(kosbert.load(tiny).fingerprint) == before
    model.save(str(tmp_path / "again"))
    assert model_digest(load(tmp_path / "again")) == before


def test_a_model_without_a_transformer_is_one_like_any(model, tmp_path):
    static = SentenceTransformer(modules=[StaticEmbedding(model.tokenizer.backend_tokenizer, embedding_dim=8)])
    static.save(str(tmp_path / "static"))
    ours = kosbert.load(tmp_path / "static")
    assert ours.encode(["눈이 온다.", "비"]) == pytest.approx(static.encode(["눈이 온다.", "비"]), abs=CLOSE)
    assert model_of(ours.fingerprint) != model_digest(model)
    assert ours.count_tokens(["눈이 온다.", ""]) == [
        len(static.tokenizer.encode("눈이 온다.", add_special_tokens=False).ids),
        0,
    ]
    assert ours.count_truncated(["비"]) == 0


def test_a_tokenizer_of_another_library_is_one_line(model):
    model[0].processor = object()
    with pytest.raises(KosbertError, match=r"^the model's tokenizer \(NoneType\) is not from the library tokenizers$"):
        PyTorchEncoder(model)


def test_threads_share_one_encoder(tiny, sentences):
    ours = kosbert.load(tiny)
    parts = [sentences[start : start + 5] for start in range(0, 60, 5)]
    expected = [ours.encode(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(ours.encode, parts)]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


POOL = """
import sys, time, psutil, kosbert
if __name__ == "__main__":
    encoder = kosbert.load(sys.argv[1], devices=["cpu", "cpu"])
    workers = [one for one in psutil.Process().children() if "spawn_main" in " ".join(one.cmdline())]
    print(*(worker.pid for worker in workers), flush=True)
    time.sleep(60)
"""


def test_the_processes_of_a_pool_end_with_the_one_that_started_them(tiny, tmp_path):
    (tmp_path / "pool.py").write_text(POOL)
    command = [sys.executable, str(tmp_path / "pool.py"), str(tiny)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(map(psutil.pid_exists, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in workers if psutil.pid_exists(pid)] == []


def test_the_processes_of_a_pool_share_the_cores(monkeypatch):
    from kosbert.inference import pool  # noqa: PLC0415

    seen = []
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    monkeypatch.setattr(pool, "ProcessPoolExecutor", lambda *arguments: seen.append(arguments[-1][2]))
    with pytest.raises(AttributeError):  # there is no pool
        pool.PoolEncoder(print, ["cpu", "cpu"])
    assert seen == [3]
    assert os.environ["OMP_NUM_THREADS"] == "6"


def test_a_script_that_does_not_guard_its_code_is_told_so(tiny, tmp_path):
    (tmp_path / "unguarded.py").write_text(f"import kosbert\nkosbert.load({str(tiny)!r}, devices=['cpu', 'cpu'])\n")
    command = [sys.executable, str(tmp_path / "unguarded.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert 'does not guard its code with if __name__ == "__main__":' in done.stderr
