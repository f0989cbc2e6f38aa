"""What servers that do not run here read of a saved model, field by field, with the source that was read.

TEI   https://github.com/huggingface/text-embeddings-inference
      router/src/lib.rs                   at 009f067 and, later, a28ad28
      core/src/tokenization.rs            at 080c9f0
      backends/candle/src/models/bert.rs  at 006bfce
      backends/ort/src/lib.rs             at 04a0215
vLLM  https://github.com/vllm-project/vllm
      vllm/transformers_utils/config.py   at 0036026 (2026), and as it was until pull request 46594
"""

import json

import pytest
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from kosbert.encoder.model import assemble, save

PROMPT = "query: "
LENGTH = 100
TEI_FLAGS = [f"pooling_mode_{mode}" for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")]
# BertConfig in bert.rs: fields without a default.
BERT_CONFIG = {
    "vocab_size": int,
    "hidden_size": int,
    "num_hidden_layers": int,
    "num_attention_heads": int,
    "intermediate_size": int,
    "hidden_act": str,
    "hidden_dropout_prob": float,
    "max_position_embeddings": int,
    "type_vocab_size": int,
    "initializer_range": float,
    "layer_norm_eps": float,
    "pad_token_id": int,
}


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    """A small model with all that a model can have: a prompt, and a normalisation."""
    out = tmp_path_factory.mktemp("served") / "model"
    parts = AutoModel.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    save(assemble(*parts, prompt=PROMPT, normalize=True, length=LENGTH), out, card="the card")
    return out


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def pooling_by_tei(config, required):
    """get_backend_model_type: flags without a default must be there; the first of three that is true is taken."""
    assert all(type(config[flag]) is bool for flag in required)
    return next(mode for mode in ("cls_token", "mean_tokens", "lasttoken") if config.get(f"pooling_mode_{mode}"))


@pytest.mark.parametrize("required", [TEI_FLAGS, TEI_FLAGS[:2]], ids=["009f067", "a28ad28"])
def test_tei_pools_by_the_mean(folder, required):
    config = read(folder, "1_Pooling/config.json")  # TEI asks for this path
    assert pooling_by_tei(config, required) == "mean_tokens"


def test_tei_knows_the_architecture_and_its_sizes(folder):
    config = read(folder, "config.json")
    assert config["model_type"] in ("bert", "roberta", "xlm-roberta", "camembert", "distilbert")
    # An architecture of another ending would be taken for a classifier, or for SPLADE.
    assert [name.endswith("Model") for name in config["architectures"]] == [True]
    assert {name: kind for name, kind in BERT_CONFIG.items() if type(config.get(name)) is not kind} == {}
    assert config["hidden_act"] in ("gelu", "relu", "silu", "swiglu")
    assert config.get("position_embedding_type", "absolute") == "absolute"


def test_tei_finds_the_weights_by_name(folder):
    with safe_open(folder / "model.safetensors", framework="np") as weights:
        names = set(weights.keys())
    for name in ("embeddings.word_embeddings", "embeddings.position_embeddings", "embeddings.token_type_embeddings"):
        assert f"{name}.weight" in names  # or with "bert." before it
    assert "encoder.layer.0.attention.self.query.weight" in names


def test_tei_takes_the_length_and_reads_texts_as_we_do(folder):
    config = read(folder, "sentence_bert_config.json")
    assert type(config["max_seq_length"]) is int  # demanded where the file is there
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(config["max_seq_length"])
    ids = tokenizer.encode(PROMPT + "한 남자가 기타를 친다. " * 100).ids
    expected = AutoTokenizer.from_pretrained(folder)(
        PROMPT + "한 남자가 기타를 친다. " * 100, truncation=True, max_length=LENGTH
    )
    assert ids == expected["input_ids"]
    assert read(folder, "tokenizer_config.json")["padding_side"] in ("left", "right")  # in lower case


def test_tei_finds_the_prompts_by_name(folder):
    prompts = read(folder, "config_sentence_transformers.json")["prompts"]
    assert prompts == {"query": PROMPT, "document": PROMPT}  # any value but a text would keep it from starting


def pooling_by_vllm_2024(modules, folder):
    """get_pooling_config until the pull request: the first field that is true names the mode."""
    (pooling,) = [each for each in modules if each["type"] == "sentence_transformers.models.Pooling"]
    config = read(folder, f"{pooling['path']}/config.json")
    return next(key for key, value in config.items() if value is True).replace("pooling_mode_", "").split("_")[0]


def test_vllm_pools_by_the_mean_and_normalises(folder):
    modules = read(folder, "modules.json")
    assert pooling_by_vllm_2024(modules, folder) == "mean"
    assert "sentence_transformers.models.Normalize" in [each["type"] for each in modules]


def test_vllm_takes_the_length(folder):
    # get_sentence_transformer_tokenizer_config: without one of the two the file does not count.
    assert {"max_seq_length", "do_lower_case"} <= read(folder, "sentence_bert_config.json").keys()
