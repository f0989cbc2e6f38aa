"""The layout of a saved model that all versions of sentence-transformers read, and other programs as well.

What sentence-transformers 6 saves, no older version loads; and it leaves out what text-embeddings-inference and others
look for. The layout that came before it is read by all of them, version 6 included, and gives the same embeddings.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

# The tokenizer's settings that travel. Others are of one load (a folder, a network) or of the last batch.
TOKENIZER_KEYS = ("model_input_names", "model_max_length", "padding_side", "split_special_tokens", "truncation_side")
POOLING_MODES = {
    "cls_token": "cls",
    "mean_tokens": "mean",
    "max_tokens": "max",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "weightedmean_tokens": "weightedmean",
    "lasttoken": "lasttoken",
}


def make_portable(folder: Path, max_seq_length: int) -> None:
    """Rewrite the settings of a model that sentence-transformers has saved, so that other programs read it as well.

    Args:
        folder: the folder of a transformer, a pooling and perhaps a normalisation.
        max_seq_length: how many tokens of a text are read.
    """
    _edit(folder / "modules.json", _with_lasting_names)
    _edit(folder / "sentence_bert_config.json", lambda _: {"max_seq_length": max_seq_length, "do_lower_case": False})
    _edit(folder / "1_Pooling/config.json", _with_a_key_for_each_mode)
    # Versions would only make an older library warn. The folder of a model is the same after an update of ours.
    _edit(folder / "config_sentence_transformers.json", lambda config: _without(config, "__version__"))
    _edit(folder / "tokenizer_config.json", _of_a_plain_fast_tokenizer)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    _cut_and_pad(folder / "tokenizer.json", settings, max_seq_length)


def _edit(path: Path, change: Any) -> None:  # noqa: ANN401 - a function from JSON to JSON
    changed = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _without(config: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != key}


def _with_lasting_names(modules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name each module as all versions import it."""
    return [module | {"type": f"sentence_transformers.models.{module['type'].split('.')[-1]}"} for module in modules]


def _with_a_key_for_each_mode(pooling: dict[str, Any]) -> dict[str, Any]:
    # Some readers take the first key that is true for the mode, so `include_prompt` comes last.
    modes = {f"pooling_mode_{key}": mode == pooling["pooling_mode"] for key, mode in POOLING_MODES.items()}
    return {"word_embedding_dimension": pooling["embedding_dimension"], **modes, "include_prompt": True}


def _of_a_plain_fast_tokenizer(settings: dict[str, Any]) -> dict[str, Any]:
    """Describe a tokenizer that is all in tokenizer.json; other classes would change it by settings of their own."""
    kept = {key: value for key, value in settings.items() if key in TOKENIZER_KEYS or key.endswith("_token")}
    return {**kept, "clean_up_tokenization_spaces": False, "tokenizer_class": "PreTrainedTokenizerFast"}


def _cut_and_pad(path: Path, settings: dict[str, Any], max_seq_length: int) -> None:
    """Have the tokenizer cut long texts, for programs that read nothing but its file, and pad short ones."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_seq_length, direction=settings.get("truncation_side", "right"))
    padding = settings["pad_token"]
    tokenizer.enable_padding(
        direction=settings.get("padding_side", "right"), pad_id=tokenizer.token_to_id(padding), pad_token=padding
    )
    tokenizer.save(str(path))
