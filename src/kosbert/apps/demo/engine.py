"""What the demo does, without any web: search, similarity and clusters over an embedder."""

import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from kosbert.apps.clustering import project_2d, kmeans
from kosbert.apps.demo.limits import MEMORY, MINUTES, UPLOADS, RefusalError
from kosbert.apps.demo.uploads import read_upload
from kosbert.inference.pytorch import Embedder
from kosbert.apps.search import Hit, SentenceIndex
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError

SLICE = 64  # sentences of a long job, between which others get their turn
YIELD = 0.001  # seconds
SAMPLES = 3


@dataclass(frozen=True)
class Corpus:
    """Sentences that can be searched."""

    token: str  # "" is the one that the demo was started with
    name: str
    size: int
    samples: list[str]
    index: SentenceIndex
    memory: int  # bytes of its sentences and their embeddings


@dataclass(frozen=True)
class Clusters:
    """Groups of rows, each with its most central first, and the place of each row on a map in [-1, 1]."""

    groups: list[list[int]]
    points: list[tuple[float, float]]


class Polite:
    """An embedder for long jobs: it works in slices, and lets others have a turn between them."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.fingerprint, self.dimensions = embedder.fingerprint, embedder.dimensions

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Return the embeddings [sentences, dimensions], in the order given."""
        parts = [np.empty((0, self.dimensions), np.float32)]
        for start in range(0, len(sentences), SLICE):
            parts.append(self._embedder.encode(sentences[start : start + SLICE]))
            time.sleep(YIELD)  # a lock that is taken again at once is never free for those who wait
        return np.concatenate(parts)


class Engine:
    """Search, similarity and clusters; several threads may use one.

    Args:
        embedder: the model.
        model: its name, as the page shows it.
        sentences: the corpus that is there from the start.
        corpus: its name, or "" for the built-in one.
        clock: seconds, from any start.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        model: str,
        sentences: list[str],
        corpus: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._embedder, self._clock = embedder, clock
        self.model, self.dimensions = model, embedder.dimensions
        self.corpus = self._indexed("", corpus, sentences)
        self._uploads: OrderedDict[str, tuple[float, Corpus]] = OrderedDict()  # with the time of the last use
        self._turn = threading.Lock()

    def search(self, query: str, *, top: int, token: str = "") -> tuple[Corpus, list[Hit]]:
        """Return a corpus and its sentences nearest to a query, the nearest first.

        Raises:
            RefusalError: the corpus is no longer there.
        """
        corpus = self._find(token)
        (hits,) = corpus.index.search([query], top=min(top, corpus.size))
        return corpus, hits

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine of two sentences."""
        one, other = self._embedder.encode([first, second]).astype(np.float64)
        length = np.linalg.norm(one) * np.linalg.norm(other)
        return float(np.clip(one @ other / length, -1, 1)) if length else 0.0

    def cluster(self, sentences: list[str], groups: int | None = None) -> Clusters:
        """Group sentences by meaning.

        Args:
            sentences: at least two.
            groups: how many, or None for as many as fit best.

        Raises:
            RefusalError: there are more groups than distinct sentences.
        """
        embeddings = Polite(self._embedder).encode(sentences)
        try:
            found = kmeans(embeddings, groups)
        except KosbertError as error:
            raise RefusalError("groups", error.message) from error
        points = project_2d(embeddings).astype(np.float64)
        points -= (points.max(0) + points.min(0)) / 2
        points /= max(float(np.abs(points).max()), 1e-9)
        return Clusters([group.rows for group in found], [(float(x), float(y)) for x, y in points])

    def upload(self, name: str, file: BinaryIO, column: str | None = None) -> Corpus:
        """Take a user's file as a corpus, and give it a token; the corpora longest unused make room for it.

        Raises:
            RefusalError: the file cannot be used; the message says why.
        """
        corpus = self._indexed(secrets.token_urlsafe(16), name, read_upload(name, file, column))
        with self._turn:
            self._forget()
            self._uploads[corpus.token] = self._clock(), corpus
            while len(self._uploads) > 1 and (len(self._uploads) > UPLOADS or self.memory > MEMORY):
                self._uploads.popitem(last=False)
        return corpus

    @property
    def memory(self) -> int:
        """The bytes of all uploaded corpora."""
        return sum(corpus.memory for _, corpus in self._uploads.values())

    def _indexed(self, token: str, name: str, sentences: list[str]) -> Corpus:
        index = SentenceIndex.from_sentences(sentences, Polite(self._embedder))
        memory = sum(map(sys.getsizeof, sentences)) + len(sentences) * self.dimensions * np.dtype(np.float32).itemsize
        return Corpus(token, name, len(sentences), [*dict.fromkeys(sentences)][:SAMPLES], index, memory)

    def _find(self, token: str) -> Corpus:
        if not token:
            return self.corpus
        with self._turn:
            self._forget()
            if token not in self._uploads:
                raise RefusalError("gone", "This corpus is no longer in memory; upload it again", status=404)
            _, corpus = self._uploads[token]
            self._uploads[token] = self._clock(), corpus
            self._uploads.move_to_end(token)
        return corpus

    def _forget(self) -> None:
        for token, (used, _) in [*self._uploads.items()]:
            if self._clock() - used > 60 * MINUTES:
                del self._uploads[token]
