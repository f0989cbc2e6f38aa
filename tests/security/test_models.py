"""Models that somebody else has made: no code that comes with one is run, and what is read instead is one line."""

import json
import os
import pickle
import shutil

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from support.commands import invoked

import kosbert
from kosbert.base import hub
from kosbert.cli import main
from kosbert.encoder.sums import SUMS
from kosbert.errors import KosbertError

CODES = "\x1b[31m\x07\u202e"
NEVER = "code that comes with a model is never run here"


@pytest.fixture
def model(tiny, tmp_path, mark):
    """A copy of a model, without digests, and beside its files a module that leaves the mark if it is imported."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / SUMS).unlink()
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Model: pass\n")
    return folder


def put(file, *where, **values):
    """Set values in a JSON file, or in what lies at a place in it."""
    whole = json.loads(file.read_text(encoding="utf-8"))
    inner = whole
    for key in where:
        inner = inner[key]
    inner |= values
    file.write_text(json.dumps(whole), encoding="utf-8")


def pickled(folder, code):
    """Put the weights into PyTorch's format, and code beside them."""
    torch.save(load_file(folder / "model.safetensors") | {"more": code}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def unsafe(folder, code):
    """Also tell transformers to load them the old way, to learn their type."""
    pickled(folder, code)
    put(folder / "config.json", dtype=None)
    put(folder / "sentence_bert_config.json", model_kwargs={"weights_only": False, "dtype": "auto"})


def test_what_is_planted_here_does_leave_its_mark_where_it_is_run(tmp_path, code, mark):
    pickle.loads(pickle.dumps(code))  # noqa: S301 - that it is unsafe is the point
    mark.unlink()
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    exec((tmp_path / "evil.py").read_text())  # noqa: S102
    mark.unlink()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (pickled, "its weights are damaged or contain code"),
        (unsafe, "sentence_bert_config.json sets weights_only to False"),
        (lambda folder, _: put(folder / "modules.json", 1, type="evil.Model"), "needs custom classes"),
        (lambda folder, _: put(folder / "modules.json", 1, type="os.system"), "needs custom classes"),
        (
            lambda folder, _: put(folder / "config.json", model_type="evil", auto_map={"AutoConfig": "evil.Model"}),
            "needs custom classes",
        ),
        (
            lambda folder, _: put(folder / "config.json", attn_implementation="evil/kernel"),
            "config.json sets attn_implementation to evil/kernel",
        ),
        (
            lambda folder, _: put(folder / "sentence_bert_config.json", model_kwargs={"use_kernels": True}),
            "sentence_bert_config.json sets use_kernels to True",
        ),
        (
            lambda folder, _: put(folder / "1_Pooling/config.json", deep=[{"allow_all_kernels": True}]),
            "1_Pooling/config.json sets allow_all_kernels to True",
        ),
    ],
)
def test_code_of_a_model_is_never_run(model, code, change, line):
    change(model, code)
    output = invoked("search", model, model / "README.md", "비", "--top", 1, code=1).output
    assert output.startswith(f"Error: {model}: {line}")
    assert NEVER in output
    assert "trust_remote_code" not in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: put(folder / "config.json", attn_implementation=f"{CODES}/{'x' * 5_000}"),
        lambda folder: put(folder / "config.json", **{f"attn_implementation{CODES}": "evil/kernel"}),
        lambda folder: put(folder / "config.json", hidden_act=CODES),
        lambda folder: put(folder / "config.json", dtype=CODES),
        lambda folder: put(folder / "config.json", model_type=CODES),
        lambda folder: put(folder / "config_sentence_transformers.json", model_type=CODES),
        lambda folder: put(folder / "config_sentence_transformers.json", default_prompt_name=CODES),
        lambda folder: put(folder / "sentence_bert_config.json", modality_config={CODES: {}}),
        lambda folder: put(folder / "sentence_bert_config.json", processing_kwargs={CODES: 1}),
        lambda folder: put(folder / "modules.json", 1, type=CODES),
        lambda folder: put(folder / "modules.json", 1, path=CODES),
        lambda folder: (folder / f"{CODES}config.json").write_text("{"),
        lambda folder: (folder / "calibration.json").write_text(json.dumps({"cosine": [CODES * 900], "score": [1]})),
        lambda folder: (folder / SUMS).write_text(f"{'0' * 64}  {CODES}\n"),
    ],
)
def test_no_code_for_the_terminal_in_a_models_files_reaches_it(model, change, capfd):
    change(model)
    done = CliRunner().invoke(main, ["search", str(model), str(model / "README.md"), "비", "--top", "1"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    shown = done.output + "".join(capfd.readouterr())  # the libraries may write past click's runner
    assert [line for line in shown.splitlines() if not line.isprintable()] == []
    assert len(shown) < 1_000


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "calibration.json", "model.safetensors", "more.json"]
)
@pytest.mark.parametrize("target", [None, "/dev/zero"], ids=["pipe", "device"])
def test_what_is_no_file_is_never_read(model, name, target):
    (model / name).unlink(missing_ok=True)
    (model / name).symlink_to(target) if target else os.mkfifo(model / name)
    with pytest.raises(KosbertError, match=f"{name} is not a file"):
        kosbert.load(model)


def test_a_file_of_gigabytes_of_json_is_never_read(model):
    with (model / "tokenizer.json").open("r+b") as file:
        file.truncate(3 << 30)
    with pytest.raises(KosbertError, match=r"tokenizer\.json has 3,221,225,472 bytes; expected at most 200,000,000"):
        kosbert.load(model)


def test_code_beside_a_model_that_does_not_need_it_is_not_run(model):
    put(model / "config.json", auto_map={"AutoConfig": "evil.Model", "AutoModel": "evil.Model"})
    put(model / "sentence_bert_config.json", model_kwargs={"trust_remote_code": True})
    assert kosbert.load(model).encode(["비"]).shape == (1, 32)


def test_modules_of_a_model_stay_in_its_folder(model):
    shutil.move(model / "1_Pooling", model.parent / "outside")
    put(model / "modules.json", 1, path="../outside")
    with pytest.raises(KosbertError, match=r"model: no sentence-transformers model.*'\.\./outside'") as error:
        kosbert.load(model)
    assert "\n" not in error.value.message


def test_code_in_the_weights_of_a_base_is_never_run(model, code, chosen):
    pickled(model, code)
    base = chosen.base_models["hub"].model_copy(update={"path": str(model)})
    with pytest.raises(KosbertError, match="holds code besides tensors, which is never run") as error:
        hub.load(base)
    assert "\n" not in error.value.message
