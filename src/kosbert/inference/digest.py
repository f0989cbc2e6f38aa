"""The digest of a model: all that its embeddings depend on, in a number that is the same in every process."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor

SET_BY_BATCH = ("truncation", "padding")  # what a tokenizer keeps of the texts that it was given last


def digest_of(settings: Mapping[str, Any], tokenizer: Tokenizer, weights: Mapping[str, Tensor]) -> str:
    """Return the digest of a model.

    Args:
        settings: what is set of its modules; the keys stay, so that indexes and exports of older versions still know
            their model.
        tokenizer: its tokenizer.
        weights: its weights by their names in sentence-transformers.
    """
    state = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    parts = json.loads(tokenizer.to_str())
    state.update(json.dumps({key: parts[key] for key in parts if key not in SET_BY_BATCH}).encode())
    for name, values in sorted(weights.items()):
        state.update(name.encode())
        state.update(values.detach().cpu().float().contiguous().numpy())
    return state.hexdigest()
