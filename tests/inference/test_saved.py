"""A model of ours that is read in a moment is the one that the libraries load; of any doubt, they are asked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.encoders import SENTENCES, of_kind
from transformers import AutoModel, BertConfig, CamembertConfig, ElectraConfig, RobertaConfig, XLMRobertaConfig

import kosbert
import kosbert.encoder.encode
from kosbert.encoder.calibration import Calibration
from kosbert.encoder.encode import load_encode
from kosbert.encoder.model import assemble, load, save
from kosbert.encoder.saved import read_saved
from kosbert.encoder.sums import SUMS, read_sums, write_sums
from kosbert.errors import KosbertError
from kosbert.inference.export import export
from kosbert.inference.pytorch import PyTorchEncoder
from kosbert.inference.saved import SavedEncoder

TEXTS = [*SENTENCES, "", "길다 " * 300, "é가 <mask> [MASK] \x07\u200b 😀", SENTENCES[0]]
KINDS = {
    "bert": (BertConfig, {}),
    "roberta": (RobertaConfig, {}),
    "xlm-roberta": (XLMRobertaConfig, {}),
    "camembert": (CamembertConfig, {}),
    "electra": (ElectraConfig, {"embedding_size": 16}),
}


def saved(tiny, folder, kind=BertConfig, *, prompt="", normalize=False, **more):
    inner = of_kind(kind, tiny, **more)[0]
    encoder = assemble(inner.model, inner.tokenizer, prompt=prompt, normalize=normalize)
    save(encoder, folder, card="the card", calibration=Calibration((0.1, 0.9), (0.0, 5.0), 20))
    return folder


def assert_same(folder, precision, **options):
    """Assert that what is read in a moment is what the libraries load."""
    ours, theirs = kosbert.load(folder, precision=precision, **options), load(folder)
    slow = PyTorchEncoder(theirs, precision=precision, **options)
    assert isinstance(ours, SavedEncoder)
    for name in ("fingerprint", "dimensions", "max_length", "most_tokens"):
        assert getattr(ours, name) == getattr(slow, name)
    assert ours.count_tokens(TEXTS) == slow.count_tokens(TEXTS)
    plain, found = theirs.encode(TEXTS), ours.encode(TEXTS)
    assert found.dtype == np.float32
    if precision == "fp32":
        assert np.abs(found - plain).max() < 1e-5
    cosines = (found * plain).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(plain, axis=1)
    assert cosines.min() > 0.9995
    assert (found == slow.encode(TEXTS)).all()
    return ours


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "more", [{}, {"prompt": "query: ", "normalize": True}], ids=["plain", "with a prompt, normalised"]
)
def test_each_kind_is_the_one_that_the_libraries_load(tiny, tmp_path, kind, precision, more):
    config, sizes = KINDS[kind]
    ours = assert_same(saved(tiny, tmp_path / "model", config, **sizes, **more), precision)
    assert ours.calibration == Calibration((0.1, 0.9), (0.0, 5.0), 20)


def test_another_length_is_that_of_the_libraries(tiny):
    assert_same(tiny, "fp32", max_length=9)
    with pytest.raises(KosbertError, match=r"max length 1,000: expected a number of tokens .*, 8 to 128"):
        kosbert.load(tiny, max_length=1000)


def test_the_weights_in_memory_are_no_longer_those_of_the_file(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    encoder = kosbert.load(folder, precision="fp32")
    before = encoder.encode(SENTENCES)
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    assert (encoder.encode(SENTENCES) == before).all()


def test_an_encoding_stage_takes_the_same_way(tiny, monkeypatch):
    plain = load(tiny).encode(SENTENCES)
    monkeypatch.setattr("kosbert.encoder.model.load", None)
    found = load_encode(tiny)(SENTENCES)
    assert (found * plain).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(plain, axis=1) == pytest.approx(
        1, abs=1e-3
    )


def test_where_there_is_a_gpu_the_libraries_load_the_model(tiny, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert kosbert.encoder.encode.read_for_cpu(tiny) is None
    assert kosbert.encoder.encode.read_for_cpu(tiny, "cuda:0") is None
    assert kosbert.encoder.encode.read_for_cpu(tiny, "cpu") is not None


def edit(name, **changes):
    """Return a change of a file of JSON."""

    def change(folder):
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | changes))

    return change


def edit_weights(**changes):
    def change(folder):
        weights = load_file(folder / "model.safetensors")
        for name, function in changes.items():
            found = next(each for each in weights if each.endswith(name.replace("__", ".")))
            weights[found] = function(weights[found])
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return change


def add_file(name, text="{}"):
    return lambda folder: (folder / name).write_text(text)


def add_type_ids(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    for part in content["post_processor"]["single"]:
        next(iter(part.values()))["type_id"] = 1
    (folder / "tokenizer.json").write_text(json.dumps(content))


# What the libraries would do something about, or refuse; the digests are true.
DOUBTS = {
    "another activation": edit("config.json", hidden_act="relu"),
    "relative positions": edit("config.json", position_embedding_type="relative_key"),
    "an unknown setting": edit("config.json", quantization_config={"bits": 4}),
    "kernels": edit("config.json", attn_implementation="somebody/kernels"),
    "code": edit("config.json", auto_map={"AutoModel": "somebody/code--model.Model"}),
    "another number of layers": edit("config.json", num_hidden_layers=1),
    "endless layers": edit("config.json", num_hidden_layers=10**12),
    "a position before the first": edit("config.json", model_type="roberta", pad_token_id=-1),
    "an epsilon that is no number": edit("config.json", layer_norm_eps=float("nan")),
    "a size that is no number": edit("config.json", hidden_size="32"),
    "heads of no whole size": edit("config.json", num_attention_heads=5),
    "no size": edit("config.json", hidden_size=0),
    "another epsilon": edit("config.json", layer_norm_eps="1e-12"),
    "a decoder": edit("config.json", is_decoder=True),
    "an unknown kind": edit("config.json", model_type="mpnet"),
    "half precision": edit("config.json", dtype="float16"),
    "another pooling": edit("1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True),
    "two poolings": edit("1_Pooling/config.json", pooling_mode_cls_token=True),
    "no prompt in the mean": edit("1_Pooling/config.json", include_prompt=False),
    "lower case": edit("sentence_bert_config.json", do_lower_case=True),
    "too long": edit("sentence_bert_config.json", max_seq_length=100_000),
    "no length": edit("sentence_bert_config.json", max_seq_length=0),
    "a length that is true": edit("sentence_bert_config.json", max_seq_length=True),
    "fewer dimensions": edit("config_sentence_transformers.json", truncate_dim=8),
    "a prompt that is no text": edit("config_sentence_transformers.json", prompts={"query": 1}),
    "an unknown prompt": edit("config_sentence_transformers.json", default_prompt_name="other"),
    "a prompt that fills it": edit(
        "config_sentence_transformers.json", prompts={"query": "가 " * 200}, default_prompt_name="query"
    ),
    "another tokenizer": edit("tokenizer_config.json", tokenizer_class="BertTokenizer"),
    "special tokens split perhaps": edit("tokenizer_config.json", split_special_tokens="perhaps"),
    "a new special token": edit("tokenizer_config.json", mask_token="<new>"),
    "a setting of a tokenizer": edit("tokenizer_config.json", add_prefix_space=True),
    "token types": add_type_ids,
    "added tokens": add_file("added_tokens.json"),
    "weights of another format": add_file("pytorch_model.bin"),
    "an adapter": add_file("adapter_config.json"),
    "a module within": add_file("1_Pooling/modeling.py", "raise SystemExit"),
    "an export": add_file("kosbert_export.json"),
    "whole numbers": edit_weights(query__weight=lambda values: values.to(torch.int32)),
    "half the precision": edit_weights(query__weight=lambda values: values.half()),
    "another shape": edit_weights(query__weight=lambda values: values[:-1]),
    "no numbers": edit_weights(query__weight=lambda values: values * float("nan")),
    "too few words": edit_weights(word_embeddings__weight=lambda values: values[:9]),
    "no pooler": lambda folder: save_file(
        {name: values for name, values in load_file(folder / "model.safetensors").items() if "pooler" not in name},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    ),
    "no weights": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "no modules": lambda folder: (folder / "modules.json").write_text("[]"),
    "another module": lambda folder: (folder / "modules.json").write_text(
        (folder / "modules.json").read_text().replace("models.Pooling", "models.Dense")
    ),
    "no JSON": lambda folder: (folder / "config.json").write_text("{"),
    "deep JSON": lambda folder: (folder / "config.json").write_text("[" * 100_000),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_of_any_doubt_the_libraries_are_asked(tiny, tmp_path, doubt):
    folder = shutil.copytree(tiny, tmp_path / "model")
    DOUBTS[doubt](folder)
    write_sums(folder, map(Path, read_sums(folder)))
    assert read_saved(folder) is None


def test_a_damaged_folder_is_refused_as_before(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    with pytest.raises(KosbertError, match=rf"model.safetensors is not as it was written, says {SUMS}"):
        kosbert.load(folder)


@pytest.mark.parametrize("name", [SUMS, "config.json"])
def test_a_folder_without_a_file_is_none_that_is_read_here(tiny, tmp_path, name):
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / name).unlink()
    assert read_saved(folder) is None


def test_a_folder_without_its_card_or_with_hidden_files_is_read(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "README.md").unlink()
    (folder / ".gitattributes").touch()
    assert read_saved(folder) is not None


def test_weights_beside_an_export_are_loaded_by_the_libraries(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "model")
    export(str(folder), tmp_path / "exported", formats=["openvino"])
    shutil.copytree(tmp_path / "exported", folder, dirs_exist_ok=True)
    assert isinstance(kosbert.load(folder, precision="bf16"), PyTorchEncoder)


def test_a_pretrained_model_of_no_pipeline_is_loaded_by_the_libraries(tiny, tmp_path):
    model = AutoModel.from_pretrained(tiny)
    assemble(model, load(tiny).tokenizer).save(str(tmp_path / "plain"))
    assert read_saved(tmp_path / "plain") is None
    assert isinstance(kosbert.load(tmp_path / "plain"), PyTorchEncoder)
