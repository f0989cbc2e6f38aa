"""Where things lie in the folder of a model, and how large they may be."""

import json
from pathlib import Path

CARD = "README.md"  # where model hubs look for a model's card
MODULES = "modules.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
PROBE = "한국어"  # a text to try a model with
MAX_PROMPT = 10_000  # characters
MIN_PIECES = 0.5  # of the embeddings: some models pad their number; where most have no piece, the tokenizer is lost
MAX_SEQ_LENGTH = 1 << 31
MAX_SETTINGS = 10_000_000  # bytes of a file of settings
MAX_JSON = 200_000_000  # bytes of any file of JSON; the largest tokenizers have a tenth of that


def transformer_folder(folder: Path) -> Path:
    """Return the folder of the transformer within that of the model: it is the first module."""
    try:
        return Path(json.loads((folder / MODULES).read_text(encoding="utf-8"))[0]["path"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return Path()
