"""A model in int8 on the CPU, as an `Embedder`; it is the extra `int8`."""

import hashlib
from collections.abc import Sequence

from kosbert.inference.pytorch import ModelEmbedder
from kosbert.encoder.encode import Embeddings
from kosbert.inference.convert import Int8Encoder


class Int8Embedder:
    """A model's copy in int8, as an `Embedder`: nearly the model's embeddings, so another fingerprint."""

    def __init__(self, model: ModelEmbedder) -> None:
        """Convert a model; this takes some seconds.

        Raises:
            KosbertError: OpenVINO is not installed, or cannot do what the model does.
        """
        self.encoder = Int8Encoder(model.encoder)
        self.dimensions = model.dimensions
        self.fingerprint = hashlib.sha256(f"int8 {model.fingerprint}".encode()).hexdigest()

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Return the embeddings [sentences, dimensions], in the order given."""
        return self.encoder.encode(sentences)
