"""Any encoder from a model hub, or from a folder with the same files."""

from pathlib import Path
from typing import Literal

import click
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from kosbert.base.pretrained import Backbone, Pretrained, find, load_model
from kosbert.encoder.failures import in_one_line
from kosbert.encoder.hub import DownloadError, download
from kosbert.errors import KosbertError

# Files of the top folder: those of the tokenizer and the configuration, and one format of the weights.
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

OTHER_BASE = "copy or download the files again, or choose another base"


class FromHub(Pretrained):
    """What every base from a model hub has.

    Attributes:
        name: the model's name on the hub.
        revision: a commit, so that the model stays the same; or a branch or tag.
        path: a folder with the same files, which is used instead of the hub; none if None.
    """

    name: str
    revision: str
    path: str | None = None


class Hub(FromHub):
    """Any encoder from a model hub, or from a folder with the same files."""

    kind: Literal["hub"]


def load(base: FromHub) -> Backbone:
    """Load model and tokenizer.

    Raises:
        KosbertError: the files could not be downloaded, are damaged, or are not those of an encoder that we can use.
    """
    folder = fetch(base)
    config = _config(folder)
    return Backbone(load_model(AutoModel, folder, config), _tokenizer(folder))


def fetch(base: FromHub) -> Path:
    """Return the folder with the base's files: `path` if it is set, else the folder of the hub's cache.

    Raises:
        KosbertError: the files could not be downloaded.
    """
    if base.path is not None:
        return Path(base.path)
    try:
        folder = _download(base, *DESCRIPTION, SAFE_WEIGHTS)
        if not any(folder.glob(SAFE_WEIGHTS)):
            folder = _download(base, PYTORCH_WEIGHTS)
    except DownloadError as error:
        raise KosbertError(
            f"base model: {base.name} (revision {base.revision}) could not be downloaded from the hub: {error}. "
            "Fix `name` or `revision` in params.yaml, or set `path` to a folder with the model's files."
        ) from error
    if folder.name != base.revision:
        click.echo(f"{base.name}: revision {base.revision} is now {folder.name}; write that as `revision` to keep it")
    return folder


def _download(base: FromHub, *files: str) -> Path:
    return download(base.name, revision=base.revision, allow=[*files], ignore=["*/*"])


def _config(folder: Path) -> PretrainedConfig:
    file = find(folder, "config.json")
    with in_one_line(f"{file}: not the configuration of a model we can load", OTHER_BASE):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING  # encoders are trained as such models
    if not masked or config.is_encoder_decoder or getattr(config, "is_decoder", False):
        raise KosbertError(f"{file}: {config.model_type} is not an encoder; choose one such as klue/roberta-base")
    return config


def _tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    find(folder, *TOKENIZERS)  # without any, transformers makes an empty one
    with in_one_line(f"base model: cannot load the tokenizer in {folder}", OTHER_BASE):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise KosbertError(f"base model: the tokenizer in {folder} has no fast version; choose another base")
    return tokenizer
