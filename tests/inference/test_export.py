"""An exported model gives the original's embeddings in every format and precision, or a line says what is wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from support.encoders import SENTENCES, of_kind
from support.hub import hub
from tokenizers import Tokenizer
from transformers import BertConfig, DistilBertConfig, ElectraConfig, RobertaConfig

import kosbert
from kosbert.encoder.model import load, save
from kosbert.encoder.sums import SUMS
from kosbert.errors import KosbertError
from kosbert.inference import export, manifest, onnx_int8, to_onnx
from kosbert.inference.encoder import model_of
from kosbert.inference.export import write_exports
from kosbert.inference.formats import LOWEST
from kosbert.inference.pytorch import Loaded, load_model

ALL = {"formats": ["openvino", "onnx"], "precisions": ["fp32", "int8"]}
OPENVINO, OPENVINO_INT8 = "openvino/openvino_model.xml", "openvino/openvino_model_qint8_quantized.xml"
ONNX, ONNX_INT8 = "onnx/model.onnx", "onnx/model_quantized.onnx"
TEXTS = ["네", "비가 온다.", "네", "", "길다 " * 500]


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """A model in every format and precision."""
    out = tmp_path_factory.mktemp("exported") / "model"
    cosines = export.export(str(tiny), out, **ALL)
    assert [*cosines] == [OPENVINO, OPENVINO_INT8, ONNX, ONNX_INT8]
    assert min(cosines[OPENVINO], cosines[ONNX]) > 0.99999
    return out


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def engine_of(encoder):
    return encoder.fingerprint.partition(":")[2]


def without(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig, ElectraConfig, DistilBertConfig])
def test_every_kind_of_encoder_gives_its_embeddings(tiny, tmp_path, monkeypatch, kind):
    encoder = of_kind(kind, tiny)
    save(encoder, tmp_path / "model", card="the card")
    export.export(str(tmp_path / "model"), tmp_path / "out", **ALL)
    found = {}
    for engine in ("openvino", "onnx"):
        for precision in ("fp32", "int8"):
            loaded = kosbert.load(tmp_path / "out", precision=precision)
            assert engine_of(loaded) == f"{engine}-{precision}-cpu"
            found[engine, precision] = loaded.encode(SENTENCES)
            assert export.lowest_cosine(encoder.encode(SENTENCES), found[engine, precision]) > LOWEST[precision]
        without(monkeypatch, "openvino")
    assert not np.array_equal(found["onnx", "fp32"], found["onnx", "int8"])


@pytest.mark.parametrize("engine", ["openvino", "onnx"])
def test_it_is_the_same_model_in_another_engine(tiny, folder, monkeypatch, engine):
    if engine == "onnx":
        without(monkeypatch, "openvino")
    found, original = kosbert.load(folder), kosbert.load(tiny)
    assert engine_of(found) == f"{engine}-fp32-cpu"
    assert model_of(found.fingerprint) == model_of(original.fingerprint)
    assert found.encode([]).shape == (0, found.dimensions) == original.encode([]).shape
    assert np.abs(found.encode(TEXTS) - load(tiny).encode(TEXTS)).max() < 1e-4


def test_in_int8_each_engine_has_a_model_of_its_own(folder, monkeypatch):
    one = kosbert.load(folder, precision="int8")
    without(monkeypatch, "openvino")
    other, full = kosbert.load(folder, precision="int8"), kosbert.load(folder)
    assert len({model_of(each.fingerprint) for each in (one, other, full)}) == 3


@pytest.mark.parametrize("file", [ONNX, ONNX_INT8])
def test_it_runs_with_nothing_but_onnxruntime_and_tokenizers(tiny, folder, file):
    session = onnxruntime.InferenceSession(folder / file)
    assert [one.name for one in session.get_inputs()] == ["input_ids", "attention_mask"]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [
        ("last_hidden_state", ["batch", "tokens", 32]),
        ("sentence_embedding", ["batch", 32]),
    ]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"), pad_token="[PAD]")
    tokenizer.enable_truncation(128)
    read = tokenizer.encode_batch(TEXTS)
    given = {
        "input_ids": np.array([one.ids for one in read]),
        "attention_mask": np.array([one.attention_mask for one in read]),
    }
    hidden, embeddings = session.run(None, given)
    plain = load(tiny).encode(TEXTS)
    assert export.lowest_cosine(plain, embeddings) > LOWEST["int8" if file == ONNX_INT8 else "fp32"]
    mask = given["attention_mask"][..., None]
    means = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    assert export.lowest_cosine(means, embeddings) > 0.99999


def test_an_int8_embedding_does_not_depend_on_the_texts_beside_it(folder, monkeypatch):
    without(monkeypatch, "openvino")
    encoder = kosbert.load(folder, precision="int8")
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert encoder.encode(TEXTS) == pytest.approx(alone, abs=1e-5)


def test_what_int8_rounds_is_small_and_exact_on_every_processor(folder):
    graph = onnx.load(folder / ONNX_INT8).graph
    matrices = {one.name: one for one in graph.initializer if len(one.dims) == 2 and min(one.dims) > 1}
    assert {one.data_type for one in matrices.values()} <= {onnx.TensorProto.UINT8, onnx.TensorProto.INT8}
    (weights, rows) = np.random.default_rng(0).normal(size=(2, 40, 40)).astype(np.float32)
    made = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["rows", "weights"], ["product"])],
        "one",
        [onnx.helper.make_tensor_value_info("rows", 1, [40, 40])],
        [onnx.helper.make_tensor_value_info("product", 1, [40, 40])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    rounded = onnx_int8.to_int8(model)
    onnx.checker.check_model(rounded)
    rows[7] = 0
    (found,) = onnxruntime.InferenceSession(rounded.SerializeToString()).run(None, {"rows": rows})
    assert found == pytest.approx(rows @ weights, abs=0.3)
    assert (found[7] == 0).all()


def test_the_files_hold_no_path_of_this_machine(folder):
    for file in folder.rglob("*"):
        assert file.is_dir() or os.fsencode(sys.prefix) not in file.read_bytes(), file
        assert file.is_dir() or b"sentence_transformer/model.py" not in file.read_bytes(), file


def test_it_is_still_the_model_of_sentence_transformers(tiny, folder, tmp_path):
    assert (SentenceTransformer(str(folder)).encode(TEXTS) == SentenceTransformer(str(tiny)).encode(TEXTS)).all()
    for file in tiny.rglob("*"):
        if file.is_file() and file.name != SUMS:
            assert (folder / file.relative_to(tiny)).read_bytes() == file.read_bytes()
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in folder.rglob("*"))  # all may read it
    assert kosbert.load(folder, precision="bf16").fingerprint == kosbert.load(tiny, precision="bf16").fingerprint
    again = export.export(str(folder), tmp_path / "again", formats=["openvino"])
    assert [*again] == [OPENVINO]
    assert not (tmp_path / "again/onnx").exists()


def test_without_weights_it_has_what_was_exported_alone(tiny, tmp_path):
    encoder = load(tiny)
    encoder.append(Dense(32, 8))
    encoder.save(str(tmp_path / "model"))
    export.export(str(tmp_path / "model"), tmp_path / "out", weights=False)
    assert [file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.safetensors")] == [
        f"{len(encoder) - 1}_Dense/model.safetensors"  # the backends of sentence-transformers need it
    ]
    found = kosbert.load(tmp_path / "out")
    assert np.abs(found.encode(TEXTS) - encoder.encode(TEXTS)).max() < 1e-4
    line = "an export without PyTorch weights has only its exported precisions, on the CPU: openvino in fp32"
    for wanted in ({"precision": "bf16"}, {"precision": "int8"}, {"devices": ["cuda:0"]}):
        with pytest.raises(KosbertError, match=line):
            kosbert.load(tmp_path / "out", **wanted)
    with pytest.raises(KosbertError, match="without PyTorch weights, which this command needs; use the original"):
        load_model(str(tmp_path / "out"))
    with pytest.raises(KosbertError, match="without PyTorch weights"):
        export.export(str(tmp_path / "out"), tmp_path / "again")


def test_auto_takes_fp32_if_it_is_there(copy):
    for file in (OPENVINO, OPENVINO.replace(".xml", ".bin")):
        (copy / file).unlink()
    assert engine_of(kosbert.load(copy)) == "onnx-fp32-cpu"
    (copy / ONNX).unlink()
    assert engine_of(kosbert.load(copy)) == "openvino-int8-cpu"
    assert engine_of(kosbert.load(copy, precision="fp32")) == "pytorch-fp32-cpu"  # the weights are there


def test_a_copy_without_the_exports_is_the_model(copy):
    shutil.rmtree(copy / "onnx")
    shutil.rmtree(copy / "openvino")
    assert engine_of(kosbert.load(copy)).startswith("pytorch-")


def test_without_an_engine_it_says_what_to_install(folder, monkeypatch):
    without(monkeypatch, "openvino")
    without(monkeypatch, "onnxruntime")
    with pytest.raises(KosbertError, match=r"openvino, which is not installed; .*pip install 'openvino>="):
        kosbert.load(folder)


@pytest.mark.parametrize("missing", ["none", "openvino"])
def test_it_needs_no_torch(folder, missing):
    script = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'sentence_transformers', sys.argv[2]): sys.modules[name] = None\n"
        "import kosbert\n"
        "encoder = kosbert.load(sys.argv[1])\n"
        "print(encoder.encode(['네']).shape[0], encoder.count_tokens(['']))\n"
    )
    command = [sys.executable, "-c", script, str(folder), missing]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 [2]"
    assert done.stderr == ""


def test_onnx_runtime_sends_nothing_and_notes_nothing_of_its_use(folder, tmp_path):
    script = (
        "import os, sys\n"
        "sys.modules['openvino'] = None\n"
        "import kosbert\n"
        "encoder = kosbert.load(sys.argv[1])\n"
        "print(encoder.fingerprint.partition(':')[2], encoder.encode(['네']).shape[0], os.environ.get(sys.argv[2]))\n"
    )
    name = "ORT_DISABLE_TELEMETRY"
    environment = {key: value for key, value in os.environ.items() if key != name and not key.startswith("XDG_")}
    # ONNX Runtime is quiet in CI, too, as it finds by these.
    environment = {key: value for key, value in environment.items() if key not in ("CI", "GITHUB_ACTIONS")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), name],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["onnx-fp32-cpu", "1", "None"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("from kosbert.apps.index import check_new; check_new(Path('new'), exact=False)", "onnx-fp32-cpu 1"),
        (
            "import usearch.index",
            "importing onnxruntime after usearch would end the process; import onnxruntime first",
        ),
    ],
    ids=["ours", "the user's"],
)
def test_onnx_runtime_and_usearch_live_in_one_process(folder, before, said):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "sys.modules['openvino'] = None\n"
        f"{before}\n"
        "import kosbert\n"
        "try:\n"
        "    encoder = kosbert.load(sys.argv[1])\n"
        "    print(encoder.fingerprint.partition(':')[2], encoder.encode(['네']).shape[0])\n"
        "except kosbert.errors.KosbertError as error:\n"
        "    print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def test_what_is_too_different_is_refused_and_nothing_written(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "lowest_cosine", lambda *_: float("nan"))
    with pytest.raises(KosbertError, match=r"openvino/openvino_model.xml is too different: .* at least 0.999 in fp32"):
        export.export(str(tiny), tmp_path / "out")
    assert [*tmp_path.iterdir()] == []
    model = shutil.copytree(tiny, tmp_path / "model")
    before = sorted(file for file in model.rglob("*") if file.is_file())
    with pytest.raises(KosbertError, match="is too different"):
        write_exports(str(tiny), model, formats=["openvino"], precisions=["int8"])
    assert sorted(file for file in model.rglob("*") if file.is_file()) == before


def test_into_a_copy_of_a_model_it_writes_what_export_would(tiny, folder, tmp_path):
    model = shutil.copytree(tiny, tmp_path / "model")
    assert [*write_exports(str(tiny), model, formats=["openvino"], precisions=["int8"])] == [OPENVINO_INT8]
    weights = OPENVINO_INT8.replace(".xml", ".bin")  # the graph's names count those converted in this process
    assert (model / weights).read_bytes() == (folder / weights).read_bytes()
    assert engine_of(kosbert.load(model)) == "openvino-int8-cpu"
    assert [*write_exports(str(tiny), model, formats=["onnx"], precisions=["int8"])] == [ONNX_INT8]
    assert (model / ONNX_INT8).read_bytes() == (folder / ONNX_INT8).read_bytes()


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"formats": ["tflite"]}, "format 'tflite': expected one or more of openvino, onnx, gguf"),
        ({"formats": []}, "format '': expected"),
        ({"precisions": ["fp32", "fp16"]}, "precision 'fp32,fp16': expected one or more of fp32, int8"),
    ],
)
def test_what_there_is_not_is_one_line(tiny, tmp_path, wanted, line):
    with pytest.raises(KosbertError, match=line):
        export.export(str(tiny), tmp_path / "out", **wanted)


def without_prompt_in_pooling(encoder):
    encoder.prompts, encoder.default_prompt_name = {"query": "query: "}, "query"
    next(module for module in encoder if hasattr(module, "include_prompt")).include_prompt = False


def with_another_tokenizer(encoder):
    encoder[0].processor = object()


class Untraceable(torch.nn.Module):
    def forward(self, _):
        raise RuntimeError("this model\ncannot be traced")


@pytest.mark.parametrize("name", ["openvino", "onnx"])
@pytest.mark.parametrize(
    "spoil",
    [
        (without_prompt_in_pooling, "its pooling excludes the prompt"),
        (with_another_tokenizer, r"tokenizer \(NoneType\) is not from the library tokenizers"),
        (lambda encoder: encoder.append(Untraceable()), "(OpenVINO|ONNX) cannot convert it: .*"),
    ],
)
def test_a_model_that_cannot_be_exported_is_one_line_and_nothing_written(tiny, tmp_path, monkeypatch, spoil, name):
    encoder, (change, reason) = load(tiny), spoil
    change(encoder)
    monkeypatch.setattr(export, "load_model", lambda _: Loaded(encoder, tiny))
    with pytest.raises(KosbertError, match=rf"^{tiny}: cannot be exported: .*{reason}") as error:
        export.export(str(tiny), tmp_path / "out", formats=[name])
    assert "\n" not in error.value.message
    assert [*tmp_path.iterdir()] == []


def test_a_model_too_large_for_a_file_of_onnx_is_one_line(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(to_onnx, "MOST_BYTES", 1000)
    with pytest.raises(KosbertError, match=r"GB in fp32, and an ONNX file holds at most 2 GB; export it to OpenVINO"):
        export.export(str(tiny), tmp_path / "out", formats=["onnx"])


@pytest.mark.parametrize("name", ["openvino", "onnx"])
def test_weights_that_cannot_be_written_are_one_line_and_nothing_is_left(tiny, tmp_path, name):
    before_limit, least = resource.getrlimit(resource.RLIMIT_FSIZE), 1 << 16  # bytes, as if the disk were full
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    model = shutil.copytree(tiny, tmp_path / "model")
    resource.setrlimit(resource.RLIMIT_FSIZE, (least, before_limit[1]))
    try:
        with pytest.raises(KosbertError, match="could not be written"):
            write_exports(str(tiny), model, formats=[name], precisions=["fp32"])
        with pytest.raises(OSError, match="File too large"):
            export.export(str(tiny), tmp_path / "out", formats=[name])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before_limit)
        signal.signal(signal.SIGXFSZ, before)
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    assert not any((model / name).glob("*"))


def test_a_tokenizer_that_only_exists_once_loaded_is_written(tiny, tmp_path):
    encoder = load(tiny)
    encoder.tokenizer.add_tokens(["낱말하나"])
    model = shutil.copytree(tiny, tmp_path / "model")
    export._write_tokenizer(encoder, model)
    assert "낱말하나" in (model / "tokenizer.json").read_text()


@pytest.mark.parametrize(
    "name", [OPENVINO, OPENVINO.replace(".xml", ".bin"), ONNX, manifest.TOKENIZER], ids=lambda name: name[-4:]
)
def test_a_broken_export_is_one_line_that_names_the_file(copy, monkeypatch, name):
    if name == ONNX:
        without(monkeypatch, "openvino")
    file = copy / name
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(KosbertError, match=rf"damaged export \({file.name}: expected sha256"):
        kosbert.load(copy)
    if name != ONNX:
        file.unlink()
        with pytest.raises(KosbertError, match=rf"damaged export \({name} is missing"):
            kosbert.load(copy)


def test_another_format_is_refused(copy):
    file = copy / manifest.MANIFEST
    settings = json.loads(file.read_text())
    file.write_text(json.dumps({"format": 1, "files": {"model.xml": "sha256:0"}}))
    with pytest.raises(KosbertError, match="an export of an older version of kosbert; export the model again"):
        kosbert.load(copy)
    file.write_text(json.dumps(settings | {"format": 3}))
    with pytest.raises(KosbertError, match="an export of another version of kosbert; export the model again"):
        kosbert.load(copy)
    exports = settings["exports"]
    for change in (
        {"exports": None},
        {"exports": [{}]},
        {"exports": [exports[0] | {"files": {}}]},
        {"exports": [exports[0] | {"files": {"../secret": "sha256:0"}}]},
        {"exports": [exports[0] | {"files": {"/secret": "sha256:0"}}]},
        {"exports": [exports[0] | {"precision": 3}]},
        {"dimensions": -1},
        {"dimensions": "32"},
        {"prompt": None},
        {"max_length": 0},
        {"truncation_side": "middle"},
    ):
        file.write_text(json.dumps(settings | change))
        with pytest.raises(KosbertError, match=r"has changed since it was written\); export the model again"):
            kosbert.load(copy)
    file.write_text("{")
    with pytest.raises(KosbertError, match="cannot be read"):
        kosbert.load(copy)


def test_both_have_the_same_length_with_text_cut_off_on_the_left(tiny, tmp_path):
    encoder = load(tiny)
    encoder.tokenizer.truncation_side, encoder.max_seq_length = "left", 16
    encoder.save(str(tmp_path / "model"))
    export.export(str(tmp_path / "model"), tmp_path / "out")
    texts = ["처음 " * 30 + "끝이다.", "다른 " * 30 + "끝이다."]
    plain = SentenceTransformer(str(tmp_path / "model")).encode(texts)
    assert np.abs(kosbert.load(tmp_path / "out").encode(texts) - plain).max() < 1e-4


LOAD = "import sys, kosbert; print(kosbert.load(sys.argv[1]).fingerprint, 'torch' in sys.modules)"


def test_a_hub_that_has_only_exports_gives_them(tiny, folder, tmp_path):
    export.export(str(tiny), tmp_path / "out", weights=False)
    with hub({"our/exports": tmp_path / "out", "our/both": folder}) as server:
        for name, expected in (("our/exports", "openvino-fp32-cpu False"), ("our/both", "pytorch-")):
            environment = os.environ | {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "cache")}
            command = [sys.executable, "-c", LOAD, name]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            assert done.stdout.partition(":")[2].startswith(expected)
            assert any("openvino" in file for file in server.asked) == (name == "our/exports")
            server.asked.clear()
