"""Weights of every format and age load the same; damaged ones, and those with code in them, are one clear line."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from kosbert.base.pretrained import load_model
from kosbert.errors import KosbertError

CONFIG = BertConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=20,
)


class Code:
    """What a pickle does when it is loaded the old way."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture(scope="module")
def state():
    return BertModel(CONFIG).state_dict()


def halved(file):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def write(folder, state, form):
    if form == "safetensors":
        file = folder / "model.safetensors"
        save_file(state, file)
    else:
        file = folder / "pytorch_model.bin"
        torch.save(state, file, _use_new_zipfile_serialization=form == "zip")
    return file


@pytest.mark.parametrize("form", ["safetensors", "zip", "2019"])
def test_the_weights_of_a_file_are_those_of_the_model(tmp_path, state, form):
    write(tmp_path, state, form)
    model = load_model(BertModel, tmp_path, CONFIG)
    assert all(torch.equal(values, state[name]) for name, values in model.state_dict().items())
    assert model.dtype == torch.float32


def test_half_precision_is_widened(tmp_path, state):
    write(tmp_path, {name: values.half() for name, values in state.items()}, "safetensors")
    assert load_model(BertModel, tmp_path, CONFIG).dtype == torch.float32


@pytest.mark.parametrize("form", ["safetensors", "zip", "2019"])
def test_truncated_weights_are_refused_by_name(tmp_path, state, form):
    file = write(tmp_path, state, form)
    halved(file)
    with pytest.raises(KosbertError, match=f"{file}: the weights cannot be read: .*; copy or download the file again"):
        load_model(BertModel, tmp_path, CONFIG)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"version https://git-lfs.github.com/spec/v1\n"])
def test_what_is_no_weight_file_is_refused_by_name(tmp_path, content):
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(KosbertError, match=r"pytorch_model.bin: .*copy or download the file again") as error:
        load_model(BertModel, tmp_path, CONFIG)
    assert "\n" not in error.value.message


@pytest.mark.parametrize("form", ["zip", "2019", "pickle"])
def test_code_in_a_weight_file_is_never_run(tmp_path, form):
    code = {"embeddings": Code(f"touch {tmp_path / 'was-here'}")}
    file = tmp_path / "pytorch_model.bin"
    if form == "pickle":
        file.write_bytes(pickle.dumps(code, protocol=2))
    else:
        torch.save(code, file, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(KosbertError) as error:
        load_model(BertModel, tmp_path, CONFIG)
    assert "\n" not in error.value.message
    if form != "pickle":
        assert "holds code besides tensors, which is never run" in error.value.message
    assert not (tmp_path / "was-here").exists()


def test_weights_that_lack_a_layer_are_refused(tmp_path, state):
    write(tmp_path, {name: values for name, values in state.items() if "attention" not in name}, "zip")
    with pytest.raises(KosbertError, match=r"the weights lack encoder\.layer\.0\.attention.* and 7 more"):
        load_model(BertModel, tmp_path, CONFIG)


def test_a_pooler_that_is_not_there_is_zero_and_so_the_same_each_time(tmp_path, state):
    write(tmp_path, {name: values for name, values in state.items() if "pooler" not in name}, "zip")
    pooler = load_model(BertModel, tmp_path, CONFIG).pooler.dense
    assert not pooler.weight.any()
    assert not pooler.bias.any()
