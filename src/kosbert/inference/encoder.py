"""The one interface of every encoder: all that applications know of a model is what it makes of texts, and its name."""

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Literal, Protocol, Self

import numpy as np

from kosbert.encoder.batches import Embeddings
from kosbert.errors import KosbertError

__all__ = ["BaseEncoder", "Embeddings", "Encoder", "Precision", "model_of"]

Precision = Literal["auto", "fp32", "bf16", "int8"]


class Encoder(Protocol):
    """What makes embeddings of texts.

    Attributes:
        dimensions: how many numbers an embedding has.
        fingerprint: names the encoder. Encoders with equal fingerprints give equal embeddings; it has the form
            `<model>:<engine and precision>`, and those with the same model, see `model_of`, differ by rounding alone.
    """

    @property
    def dimensions(self) -> int: ...  # noqa: D102 - said above

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings [texts, dimensions] in float32, in the order given; of no texts, [0, dimensions]."""


def model_of(fingerprint: str) -> str:
    """Return the part of a fingerprint that names the model, whatever computes it and in which precision."""
    return fingerprint.partition(":")[0]


class BaseEncoder(ABC):
    """An encoder that `kosbert.load` returns: threads may share it, and as a context manager it frees its resources."""

    def __init__(self, *, dimensions: int, fingerprint: str, resources: ExitStack | None = None) -> None:
        """Keep what every encoder has; `resources` are closed with the encoder, or when Python ends."""
        self.dimensions, self.fingerprint = dimensions, fingerprint
        self._lock, self._closed = threading.Lock(), False
        self._free = weakref.finalize(self, (resources or ExitStack()).close)

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings of texts.

        Args:
            texts: any number of texts, in any order; repeated ones are encoded once.

        Returns:
            The embeddings [texts, dimensions] in float32, in the order given.

        Raises:
            KosbertError: `texts` is a single text, or the encoder is closed.
        """
        if isinstance(texts, str):
            raise KosbertError("encode expects a list of texts, found a single text; write encode([text])")
        if not len(texts):
            return np.empty((0, self.dimensions), np.float32)
        with self._lock:
            if self._closed:
                raise KosbertError("this encoder is closed; load the model again")
            return self._embed(list(texts))

    @abstractmethod
    def _embed(self, texts: list[str]) -> Embeddings:
        """Return the embeddings of at least one text."""

    def close(self) -> None:
        """Free what the encoder holds, such as its processes; it cannot encode after that."""
        with self._lock:
            self._closed = True
            self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
