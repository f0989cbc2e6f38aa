"""Weights that are missing, misnamed, ill-shaped or left over are one line; those that no embedding needs are not."""

import json
import shutil
import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.sentence_transformer.modules import Dense
from transformers import AutoConfig, AutoModel, BertForMaskedLM

import kosbert
from kosbert.encoder.model import load
from kosbert.encoder.sums import SUMS
from kosbert.errors import KosbertError

TEXTS = ["눈이 온다.", "비"]
QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def folder(tiny, tmp_path):
    """A copy of a model without digests, as a stranger's."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / SUMS).unlink()
    return folder


@pytest.fixture(scope="module")
def expected(tiny):
    return load(tiny).encode(TEXTS)


def change(folder, **other):
    """Change the state of a model by its names; None removes a tensor."""
    file = folder / "model.safetensors"
    state = {name: values for name, values in {**load_file(file), **other}.items() if values is not None}
    save_file(state, file, metadata={"format": "pt"})


def settings(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


def rename(folder, name):
    """Change one letter of a tensor's name in the header of the file, which stays valid."""
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes().replace(f'"{name}"'.encode(), f'"{name[:-1]}x"'.encode(), 1))


def names(tiny):
    return sorted(load_file(tiny / "model.safetensors"))


def test_one_letter_of_any_name_of_a_tensor_is_one_line_that_names_it(tiny, tmp_path):
    used = [name for name in names(tiny) if "pooler" not in name]
    assert len(used) > 30
    for number, name in enumerate(used):
        folder = shutil.copytree(tiny, tmp_path / str(number))
        (folder / SUMS).unlink()
        rename(folder, name)
        with pytest.raises(KosbertError) as error:
            load(folder)
        assert error.value.message == (
            f"{folder / 'model.safetensors'}: the weights lack {name}; config and weights must come from the same "
            "model; download or train the model again"
        )


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda folder: change(folder, **{QUERY: None}), f"the weights lack {QUERY};"),
        (
            lambda folder: change(folder, **{QUERY: torch.zeros(3, 2)}),
            rf"another shape than the config says: {QUERY} \[3, 2\] \(config: \[32, 32\]\);",
        ),
        (lambda folder: settings(folder, num_hidden_layers=1), r"has no place for encoder\.layer\.1\..* and 13 more;"),
        (lambda folder: settings(folder, num_hidden_layers=3), r"the weights lack encoder\.layer\.2\..* and 13 more;"),
        (lambda folder: settings(folder, intermediate_size=63), r"another shape .* and 3 more;"),
        (lambda folder: change(folder, **{QUERY: torch.full((32, 32), torch.nan)}), f"no finite numbers in {QUERY};"),
        (
            lambda folder: change(folder, **{QUERY: torch.ones(32, 32).int()}),
            rf"no floats in {QUERY} \(I32\)",
        ),
        (
            lambda folder: change(folder, **{"encoder.\x1b[31mlayer": torch.zeros(1)}),
            r"has no place for encoder\. \[31mlayer;",
        ),
    ],
    ids=[
        *("missing", "shape", "fewer layers", "more layers", "another size", "no numbers", "whole numbers"),
        "a name with a terminal's code",
    ],
)
def test_weights_that_do_not_fit_are_one_line(folder, spoil, line):
    spoil(folder)
    with pytest.raises(KosbertError, match=rf"^{folder / 'model.safetensors'}: .*{line}") as error:
        load(folder)
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    ("key", "size"),
    [("num_hidden_layers", 10**6), ("vocab_size", 10**9), ("hidden_size", 10**400), ("intermediate_size", 10**8)],
)
def test_a_size_that_no_weights_have_takes_neither_memory_nor_time(folder, key, size):
    settings(folder, **{key: size})
    start = time.monotonic()
    with pytest.raises(KosbertError, match=rf"config\.json: {key} 10+…? is too large; download or train the model"):
        load(folder)
    assert time.monotonic() - start < 2


def test_settings_of_a_model_cannot_allow_another_shape(folder):
    change(folder, **{QUERY: torch.zeros(3, 2)})
    options = {"model_args": {"ignore_mismatched_sizes": True, "output_loading_info": False}}
    (folder / "sentence_bert_config.json").write_text(json.dumps(options))
    with pytest.raises(KosbertError, match="another shape"):
        load(folder)


def test_weights_that_a_setting_chooses_are_checked_as_well(folder):
    state = load_file(folder / "model.safetensors")
    torch.save({name: values for name, values in state.items() if name != QUERY}, folder / "pytorch_model.bin")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"model_args": {"use_safetensors": False}}))
    with pytest.raises(KosbertError, match=f"the weights lack {QUERY}"):
        load(folder)


def test_a_missing_shard_or_tensor_of_a_shard_is_one_line(folder, expected):
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert (load(folder).encode(TEXTS) == expected).all()
    state = load_file(shards[-1])
    lost = next(name for name in state if "pooler" not in name)
    save_file({name: values for name, values in state.items() if name != lost}, shards[-1], metadata={"format": "pt"})
    with pytest.raises(KosbertError, match=f"the weights lack {lost}"):
        load(folder)
    shards[-1].unlink()
    with pytest.raises(KosbertError, match="no sentence-transformers model that we can load"):
        load(folder)


def test_shards_stay_in_the_folder(folder):
    outside = shutil.move(folder / "model.safetensors", folder.parent / "outside")
    index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(outside), "../outside")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(KosbertError, match=r"index\.json: \.\./outside is not a file of this folder"):
        load(folder)


def test_weights_of_a_layer_after_the_transformer_are_checked(tiny, folder):
    model = load(tiny)
    model.append(Dense(32, 8))
    model.save(str(folder / "with"))
    (file,) = (folder / "with").glob("*_Dense/model.safetensors")
    save_file({"linear.weight": load_file(file)["linear.weight"]}, file)
    with pytest.raises(KosbertError, match=r"linear\.bias") as error:
        load(folder / "with")
    assert error.value.message.isprintable()


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_the_weights_of_a_model_for_other_tasks_load_without_its_head(folder, expected, form):
    config = AutoConfig.from_pretrained(folder)
    whole = BertForMaskedLM(config)
    state = {name: values for name, values in load_file(folder / "model.safetensors").items() if "pooler" not in name}
    whole.bert.load_state_dict(state)
    state = whole.state_dict() | {"bert.embeddings.position_ids": torch.arange(config.max_position_embeddings)[None]}
    state = {name: values.clone() for name, values in state.items()}
    (folder / "model.safetensors").unlink()
    if form == "bin":  # with the names of old
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, name in old.items():
            state = {key.replace(new, name): values for key, values in state.items()}
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert (load(folder).encode(TEXTS) == expected).all()


def test_a_pooler_that_nobody_uses_may_be_missing_and_the_fingerprint_is_the_same_each_time(folder, expected):
    poolers = {name: None for name in load_file(folder / "model.safetensors") if "pooler" in name}
    assert poolers
    change(folder, **poolers)
    fingerprints = set()
    for seed in (1, 2):
        torch.manual_seed(seed)
        fingerprints.add(kosbert.load(folder).fingerprint)
    assert len(fingerprints) == 1
    assert (load(folder).encode(TEXTS) == expected).all()
    pooled = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"modality_config": pooled, "module_output_name": "sentence_embedding"})
    )
    with pytest.raises(KosbertError, match="the weights lack pooler"):
        load(folder)


def test_loading_draws_no_random_number(tiny):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    load(tiny)
    assert torch.equal(torch.get_rng_state(), before)
