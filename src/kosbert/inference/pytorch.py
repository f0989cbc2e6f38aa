"""The narrow seam: all that applications know of a model is what it makes of sentences, and which one it is."""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from kosbert import encoding, loading
from kosbert.apps import exported
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError


class Embedder(Protocol):
    """What makes embeddings of sentences."""

    @property
    def fingerprint(self) -> str:
        """Tell this model from every other: equal fingerprints are equal embeddings."""

    @property
    def dimensions(self) -> int:
        """Tell how many numbers an embedding has."""

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Return the embeddings [sentences, dimensions], in the order given; of no sentences, [0, dimensions]."""


class ModelEmbedder:
    """A sentence-transformers model as an `Embedder`. Several threads may use one: they take turns."""

    def __init__(self, encoder: SentenceTransformer) -> None:
        self.encoder = encoder
        self.dimensions = int(encoder.get_embedding_dimension() or 0)
        self.fingerprint = fingerprint(encoder)
        self._turn = threading.Lock()

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Return the embeddings [sentences, dimensions], in the order given."""
        if not len(sentences):
            return np.empty((0, self.dimensions), np.float32)
        with self._turn:
            return encoding.encode(self.encoder, sentences)


def load(model: str) -> Embedder:
    """Load a sentence-transformers model, from a folder or a model hub; or a folder that `kosbert export` has made.

    Raises:
        KosbertError: there is no such model, or it is none that we can load.
    """
    return exported.load(Path(model)) if exported.is_export(Path(model)) else load_model(model)


def load_model(model: str) -> ModelEmbedder:
    """Load a sentence-transformers model, from a folder or a model hub.

    Raises:
        KosbertError: there is no such model, or it is none that we can load.
    """
    if exported.is_export(Path(model)):
        raise KosbertError(f"{model}: an exported model; for this, give the model that it was exported from")
    return ModelEmbedder(loading.load(model))


def backend(encoder: SentenceTransformer) -> Tokenizer:
    """Return an encoder's tokenizer as the library tokenizers has it.

    Raises:
        KosbertError: it is of another library.
    """
    tokenizer = getattr(encoder.tokenizer, "backend_tokenizer", encoder.tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise KosbertError(f"the model's tokenizer ({type(tokenizer).__name__}) is not of the library tokenizers")
    return tokenizer


def fingerprint(encoder: SentenceTransformer) -> str:
    """Return a digest of all that an encoder's embeddings depend on: modules, weights, tokenizer and prompt.

    Raises:
        KosbertError: as `backend`.
    """
    settings = {
        "modules": [type(module).__name__ for module in encoder],
        "pooling": [module.get_config_dict() for module in encoder if hasattr(module, "get_config_dict")],
        "prompt": encoder.prompts.get(encoder.default_prompt_name or ""),
        "longest": encoder.max_seq_length,
    }
    state = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    tokenizer = json.loads(backend(encoder).to_str())
    passing = ("truncation", "padding")  # set anew with each batch
    state.update(json.dumps({key: tokenizer[key] for key in tokenizer if key not in passing}).encode())
    for name, weights in sorted(encoder.state_dict().items()):
        state.update(name.encode())
        state.update(weights.detach().cpu().float().contiguous().numpy())
    return state.hexdigest()
