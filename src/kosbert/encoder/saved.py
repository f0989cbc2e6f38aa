"""A model that `encoder.model.save` has written, read in a moment: without sentence-transformers and transformers.

What is read here is known in full, each setting and each weight. Of anything else nothing is said: it is left to the
libraries, which know more, and to the checks of `encoder.model.load`, which say what is wrong with a damaged folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from tokenizers import Tokenizer

from kosbert.encoder.bert import POOLER, Bert, Config, Weights, can_compute, position_offset
from kosbert.encoder.calibration import CALIBRATION
from kosbert.encoder.failures import is_failure
from kosbert.encoder.layout import CARD, MAX_PROMPT, MAX_SETTINGS, MIN_PIECES, MODULES, PROBE, TOKENIZER_CONFIG
from kosbert.encoder.portable import TOKENIZER_KEYS
from kosbert.encoder.sums import SUMS, checked_sums, read_sums
from kosbert.encoder.tokens import Tokens

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
LENGTH, PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"
POOLING, NORMALIZE = "1_Pooling", "2_Normalize"
READ = {MODULES, CONFIG, LENGTH, PROMPTS, TOKENIZER, TOKENIZER_CONFIG, WEIGHTS, f"{POOLING}/config.json"}
TYPES = {"": "Transformer", POOLING: "Pooling", NORMALIZE: "Normalize"}
MEAN = {"pooling_mode_mean_tokens", "include_prompt"}  # what is true of a mean over all tokens
IN_AND_OUT = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
# Settings of a config that change no embedding, or that `can_compute` looks at.
KNOWN = {
    *("_name_or_path", "add_cross_attention", "architectures", "attention_probs_dropout_prob", "bos_token_id"),
    *("classifier_dropout", "dtype", "embedding_size", "eos_token_id", "gradient_checkpointing", "hidden_act"),
    *("hidden_dropout_prob", "hidden_size", "initializer_range", "intermediate_size", "is_decoder", "layer_norm_eps"),
    *("max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers", "output_past"),
    *("pad_token_id", "position_embedding_type", "summary_activation", "summary_last_dropout", "summary_type"),
    *("summary_use_proj", "tie_word_embeddings", "tokenizer_class", "transformers_version", "type_vocab_size"),
    *("use_cache", "vocab_size", "directionality", "pooler_fc_size", "pooler_num_attention_heads"),
    *("pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"),
}


class _OtherError(Exception):
    """The folder is not one that is read here."""


@dataclass(frozen=True)
class SavedModel:
    """All that the embeddings of a saved model depend on.

    Attributes:
        config: the transformer's config.
        weights: the transformer's weights.
        tokenizer: the tokenizer.
        prompt: what comes before each text; None if nothing does.
        max_length: how many tokens of a text are read.
        most_tokens: the highest `max_length` that the model takes.
        side: the side on which tokens are cut off.
        normalize: whether embeddings are scaled to length 1.
    """

    config: Config
    weights: Weights
    tokenizer: Tokenizer
    prompt: str | None
    max_length: int
    most_tokens: int
    side: str
    normalize: bool

    @property
    def dimensions(self) -> int:
        """How many numbers an embedding has."""
        return int(self.config["hidden_size"])

    def tokens(self, max_length: int | None = None) -> Tokens:
        """Return what makes rows of token ids of texts, of the model's own length if none is given."""
        length = max_length or self.max_length
        return Tokens(self.tokenizer, prompt=self.prompt or "", max_length=length, side=self.side)

    def engine(self, *, bf16: bool) -> Bert:
        """Return what makes embeddings of rows of token ids."""
        return Bert(self.config, self.weights, bf16=bf16, normalize=self.normalize)


def read_saved(folder: Path) -> SavedModel | None:
    """Read a saved model whose files are as they were written; None if it is none that is known in full."""
    try:
        with checked_sums(folder):
            return _read(folder)
    except BaseException as error:  # whatever the libraries raise over somebody's files
        if not is_failure(error):
            raise
        return None


def _read(folder: Path) -> SavedModel:
    _check_files(folder)
    normalize = _has_normalization(_json(folder, MODULES))
    if normalize:
        _require(_json(folder, f"{NORMALIZE}/config.json") == IN_AND_OUT)
    config, pooling = _json(folder, CONFIG), _json(folder, f"{POOLING}/config.json")
    _require({*config} <= KNOWN and config.get("dtype", "float32") == "float32")
    _require(pooling.pop("word_embedding_dimension") == config["hidden_size"])
    _require({name for name, value in pooling.items() if value is not False} == MEAN)
    weights = _weights(folder / WEIGHTS)
    _require(can_compute(config, weights) and (config["model_type"] == "electra" or {*weights} >= POOLER))
    tokenizer, settings = Tokenizer.from_file(str(folder / TOKENIZER)), _json(folder, TOKENIZER_CONFIG)
    length = _json(folder, LENGTH)
    _require(length == {"max_seq_length": settings["model_max_length"], "do_lower_case": False})
    _check_tokenizer(tokenizer, settings)
    tokenizer.encode_special_tokens = settings.get("split_special_tokens", False)
    found = SavedModel(
        config=config,
        weights=weights,
        tokenizer=tokenizer,
        prompt=_prompt(_json(folder, PROMPTS)),
        max_length=length["max_seq_length"],
        most_tokens=config["max_position_embeddings"] - position_offset(config),
        side=settings.get("truncation_side", "right"),
        normalize=normalize,
    )
    _check_usable(found)
    return found


def _require(condition: object) -> None:
    if not condition:
        raise _OtherError


def _json(folder: Path, name: str) -> Any:  # noqa: ANN401 - as JSON has it
    with (folder / name).open("rb") as content:
        return json.loads(content.read(MAX_SETTINGS))


def _check_files(folder: Path) -> None:
    """Take no folder with files that the libraries might read besides."""
    optional = {CALIBRATION, CARD, f"{NORMALIZE}/config.json"}
    there = {name.relative_to(folder).as_posix() for name in folder.rglob("*") if not name.is_dir()}
    hidden = {name for name in there if name.startswith(".")}
    _require({*read_sums(folder)} - optional == READ and there - hidden - optional == READ | {SUMS})


def _has_normalization(modules: Any) -> bool:  # noqa: ANN401 - as JSON has it
    paths = [*TYPES][: len(modules)]
    _require(len(paths) > 1)
    _require(
        modules
        == [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{TYPES[path]}"}
            for number, path in enumerate(paths)
        ]
    )
    return NORMALIZE in paths


def _weights(file: Path) -> dict[str, torch.Tensor]:
    """Read weights into memory of our own, so that a file that changes later changes no model."""
    with safe_open(file, "np") as content:
        return {name: torch.from_numpy(content.get_tensor(name)) for name in content.keys()}  # noqa: SIM118 - no mapping


def _prompt(settings: Any) -> str | None:  # noqa: ANN401 - as JSON has it
    _require({*settings} <= {"default_prompt_name", "model_type", "prompts", "similarity_fn_name"})
    _require(settings["model_type"] == "SentenceTransformer")
    prompts, default = settings["prompts"], settings["default_prompt_name"]
    _require(all(isinstance(text, str) and len(text) <= MAX_PROMPT for text in prompts.values()))
    _require(default is None or default in prompts)
    prompt: str | None = prompts.get(default or "")
    return prompt


def _check_tokenizer(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    """Take no tokenizer that transformers would change."""
    special = {name: value for name, value in settings.items() if name.endswith("_token")}
    _require({*settings} - {*special} <= {*TOKENIZER_KEYS, "clean_up_tokenization_spaces", "tokenizer_class"})
    _require(settings["tokenizer_class"] == "PreTrainedTokenizerFast")
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    _require({*special.values()} <= added)


def _check_usable(model: SavedModel) -> None:
    """Take no model that cannot encode every text; see `encoder.checks`, which says why not."""
    rows, pieces = model.config["vocab_size"], max(model.tokenizer.get_vocab().values(), default=-1) + 1
    _require(MIN_PIECES * rows <= pieces <= rows)
    _require(type(model.max_length) is int and model.max_length <= model.most_tokens)
    tokens = model.tokens()
    _require(0 < tokens.count([""])[0] < model.max_length)
    _require(not any(model.tokenizer.encode(PROBE).type_ids))
    _require(all(bool(values.sum().isfinite()) for values in model.weights.values()))
    _require(np.isfinite(model.engine(bf16=False).embed(tokens.rows([PROBE]))).all())
