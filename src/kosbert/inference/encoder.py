"""The one interface of every encoder: all that applications know of a model is what it makes of texts, and its name."""

import hashlib
import re
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Literal, Protocol, Self

import numpy as np

from kosbert.encoder.batches import Embeddings
from kosbert.encoder.calibration import Calibration
from kosbert.encoder.failures import enough_memory
from kosbert.errors import KosbertError

__all__ = ["BaseEncoder", "Calibration", "Embeddings", "Encoder", "Precision", "limited", "model_of", "other_length"]

Precision = Literal["auto", "fp32", "bf16", "int8"]
SHORTEST = 8  # tokens of a text that a model is made to read, at least: a few beside the special ones and the prompt
SURROGATE = re.compile("[\ud800-\udfff]")  # halves of characters, which no UTF-8 text has


class Encoder(Protocol):
    """What makes embeddings of texts.

    Attributes:
        dimensions: how many numbers an embedding has.
        fingerprint: names the encoder. Encoders with equal fingerprints give equal embeddings; it has the form
            `<model>:<engine and precision>`, and those with the same model, see `model_of`, differ by rounding alone.
        max_length: how many tokens of a text are read, special ones included; None if all are.
    """

    @property
    def dimensions(self) -> int: ...  # noqa: D102 - said above

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    @property
    def max_length(self) -> int | None: ...  # noqa: D102

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings [texts, dimensions] in float32, in the order given; of no texts, [0, dimensions]."""

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of the texts have more tokens than are read."""


def model_of(fingerprint: str) -> str:
    """Return the part of a fingerprint that names the model, whatever computes it and in which precision."""
    return fingerprint.partition(":")[0]


def other_length(wanted: int | None, own: int | None, most: int | None) -> int | None:
    """Return how many tokens of a text a model is to read, if that is another number than its own; else None.

    Args:
        wanted: the number that is wanted; its own if None.
        own: its own number; None if it reads all.
        most: the highest number that it can read; None if that is not known.

    Raises:
        KosbertError: it cannot read so many, or they are too few.
    """
    if wanted is None or wanted == own:
        return None
    if most is None or not SHORTEST <= wanted <= most:
        allowed = f"{SHORTEST} to {most:,}" if most else "all" if own is None else f"{own:,}"
        raise KosbertError(f"max length {wanted:,}: expected a number of tokens that this model can read, {allowed}")
    return wanted


def limited(model_digest: str, max_length: int | None) -> str:
    """Return the digest of a model that reads another number of tokens than its own; its own number if None."""
    if max_length is None:
        return model_digest
    return hashlib.sha256(f"max_length {max_length} {model_digest}".encode()).hexdigest()


class BaseEncoder(ABC):
    """An encoder that `kosbert.load` returns: threads may share it, and as a context manager it frees its resources.

    Attributes:
        dimensions: how many numbers an embedding has.
        fingerprint: names the encoder; see `Encoder`.
        max_length: how many tokens of a text are read, special ones included; None if all are.
        most_tokens: the highest `max_length` that the model takes; None if that is not known.
        calibration: what a cosine of the model means; None if that is not known.
    """

    def __init__(
        self,
        *,
        dimensions: int,
        fingerprint: str,
        max_length: int | None,
        most_tokens: int | None,
        calibration: Calibration | None,
        resources: ExitStack | None = None,
    ) -> None:
        """Keep what every encoder has; `resources` are closed with the encoder, or when Python ends."""
        self.dimensions, self.fingerprint = dimensions, fingerprint
        self.max_length, self.most_tokens, self.calibration = max_length, most_tokens, calibration
        self._lock, self._closed = threading.Lock(), False
        self._free = weakref.finalize(self, (resources or ExitStack()).close)

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings of texts.

        Args:
            texts: any number of texts, in any order; repeated ones are encoded once.

        Returns:
            The embeddings [texts, dimensions] in float32, in the order given.

        Raises:
            KosbertError: `texts` is a single text, or holds something else than texts, or the encoder is closed.
        """
        if not (checked := _checked(texts)):
            return np.empty((0, self.dimensions), np.float32)
        with self._open(), enough_memory(f"encode {len(checked):,} texts"):
            return self._embed(checked)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special tokens and prompt included, also those that are not read.

        Raises:
            KosbertError: as `encode`.
        """
        if not (checked := _checked(texts)):
            return []
        with self._open(), enough_memory(f"count the tokens of {len(checked):,} texts"):
            return self._count_tokens(checked)

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of the texts have more than `max_length` tokens, so that the rest of them is not read.

        Raises:
            KosbertError: as `encode`.
        """
        if self.max_length is None:
            _checked(texts)
            return 0
        return sum(count > self.max_length for count in self.count_tokens(texts))

    @abstractmethod
    def _embed(self, texts: list[str]) -> Embeddings:
        """Return the embeddings of at least one text."""

    @abstractmethod
    def _count_tokens(self, texts: list[str]) -> list[int]:
        """Return how many tokens each text, of at least one, has before any is cut off."""

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise KosbertError("this encoder is closed; load the model again")
            yield

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


def _checked(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise KosbertError("expected a list of texts, found a single text; write [text]")
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise KosbertError(f"text {number:,}: expected a text, found {type(text).__name__} ({text!r:.40})")
        if SURROGATE.search(text):
            raise KosbertError(f"text {number:,}: a lone surrogate, which is not a character: {text!a:.60}")
    return list(texts)
