"""Any encoder from a model hub, or from a folder with the same files."""

from pathlib import Path

import click
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is of the library it uses
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from kosbert.base.pretrained import Backbone, find, load_model
from kosbert.errors import KosbertError, one_line
from kosbert.params import FromHub

# Files of the top folder: those of the tokenizer and the configuration, then one format of the weights.
DESCRIPTION = ["*.json", "*.txt", "*.model"]
TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
SAFE_WEIGHTS, PYTORCH_WEIGHTS = "model*.safetensors", "pytorch_model*.bin"
# What the hub's errors mean, the special ones before those they are kinds of.
_REASONS = {
    GatedRepoError: "its owner wants an agreement; give it on the hub's page, and set HF_TOKEN",
    RepositoryNotFoundError: "the hub has no model of this name (or it is private: set HF_TOKEN)",
    RevisionNotFoundError: "the model has no such revision",
    HFValidationError: "this is no name of a model, such as klue/roberta-base",
    HfHubHTTPError: "the hub refused it",
    HTTPError: "the connection broke off; run the same command again, it goes on where it was",
}


def load(base: FromHub) -> Backbone:
    """Load model and tokenizer.

    Raises:
        KosbertError: it cannot be had, is damaged, or is nothing that we can use.
    """
    folder = fetch(base)
    config = _config(folder)
    return Backbone(load_model(AutoModel, folder, config), _tokenizer(folder))


def fetch(base: FromHub) -> Path:
    """Return the folder with the base's files: the one that is given, or a copy of the hub's in its cache.

    Raises:
        KosbertError: the hub cannot be reached, or has no such model.
    """
    if base.path is not None:
        return Path(base.path)
    try:
        folder = _snapshot(base, [*DESCRIPTION, SAFE_WEIGHTS])
        if not any(folder.glob(SAFE_WEIGHTS)):
            folder = _snapshot(base, [PYTORCH_WEIGHTS])
    except (HFValidationError, HTTPError, OSError) as error:
        raise KosbertError(
            f"base model: {base.name} (revision {base.revision}) could not be had from the hub: {reason(error)}. "
            "Mend `name` or `revision` in params.yaml, or give the place of a folder with its files as `path`."
        ) from error
    if folder.name != base.revision:
        click.echo(f"{base.name}: revision {base.revision} is now {folder.name}; write that as `revision` to keep it")
    return folder


def _snapshot(base: FromHub, patterns: list[str]) -> Path:
    return Path(snapshot_download(base.name, revision=base.revision, allow_patterns=patterns, ignore_patterns="*/*"))


def reason(error: Exception) -> str:
    """Return why a model could not be had from the hub, in words."""
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno is not None:  # the disk's, not the network's
        return f"{error.filename}: {error.strerror}"
    return "no connection, and it is not in the cache"


def _config(folder: Path) -> PretrainedConfig:
    file = find(folder, "config.json")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError) as error:
        raise KosbertError(f"{file}: not the configuration of a model we can load: {one_line(error)}") from error
    masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING  # what encoders are trained as
    if not masked or config.is_encoder_decoder or getattr(config, "is_decoder", False):
        raise KosbertError(f"{file}: a {config.model_type} model is no encoder; choose one such as klue/roberta-base")
    return config


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    find(folder, *TOKENIZERS)  # without any, transformers makes an empty one
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, KeyError, OSError, ImportError, TypeError) as error:
        raise KosbertError(f"base model: no tokenizer that we can load in {folder}: {one_line(error)}") from error
    if not tokenizer.is_fast:
        raise KosbertError(f"base model: the tokenizer in {folder} has no fast form; choose another base")
    return tokenizer
