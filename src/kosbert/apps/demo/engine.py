"""The demo without the web: search, similarity and clusters over an encoder, and users' uploads."""

import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from kosbert.apps.clustering import kmeans, project_2d
from kosbert.apps.demo.limits import CHARACTERS, MEMORY, MINUTES, UPLOADS, RefusalError
from kosbert.apps.demo.uploads import read_upload
from kosbert.apps.search import Hit, SentenceIndex
from kosbert.errors import KosbertError
from kosbert.inference.encoder import BaseEncoder, Embeddings, Encoder

SLICE = 64  # sentences that a long job encodes before others may use the encoder
PAUSE = 0.001  # seconds
SAMPLES = 3  # sentences of a corpus that are offered as queries


@dataclass(frozen=True)
class Corpus:
    """Sentences that can be searched."""

    token: str  # empty for the corpus that the demo was started with
    name: str
    size: int
    truncated: int  # sentences that have more tokens than the model reads
    samples: list[str]
    index: SentenceIndex
    memory: int  # bytes of the sentences and their embeddings


@dataclass(frozen=True)
class Clusters:
    """Groups of rows, each with its most central row first, and the coordinates of each row in [-1, 1]."""

    groups: list[list[int]]
    points: list[tuple[float, float]]


class YieldingEncoder:
    """An encoder for long jobs: it encodes slice by slice, and other threads may use the model in between."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint, self.dimensions, self.max_length = encoder.fingerprint, encoder.dimensions, encoder.max_length

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the embeddings [texts, dimensions], in the order given."""
        parts = [np.empty((0, self.dimensions), np.float32)]
        for start in range(0, len(texts), SLICE):
            parts.append(self._encoder.encode(texts[start : start + SLICE]))
            time.sleep(PAUSE)  # a thread that takes the lock again at once never leaves it to others
        return np.concatenate(parts)

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of the texts have more tokens than are read."""
        return self._encoder.count_truncated(texts)


class Engine:
    """Search, similarity and clusters. Threads may share an engine.

    Args:
        encoder: the encoder; threads may share it.
        model: the model's name, as the page shows it.
        sentences: the corpus to start with.
        corpus: the name of that corpus; empty for the built-in one.
        clock: a clock that returns seconds.
    """

    def __init__(
        self,
        encoder: BaseEncoder,
        *,
        model: str,
        sentences: list[str],
        corpus: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.encoder, self._clock = encoder, clock
        self.model, self.dimensions, self.max_length = model, encoder.dimensions, encoder.max_length
        self.corpus = self._index("", corpus, sentences)
        self._uploads: OrderedDict[str, tuple[float, Corpus]] = OrderedDict()  # by token, with the time of the last use
        self._lock = threading.Lock()

    def search(self, query: str, *, top: int, token: str = "") -> tuple[Corpus, list[Hit]]:
        """Return a corpus and its sentences nearest to a query, the nearest first.

        Args:
            query: the query.
            top: the number of sentences; all, if there are fewer.
            token: the token of an uploaded corpus; empty for the corpus that the demo was started with.

        Raises:
            RefusalError: the corpus is no longer in memory.
        """
        corpus = self._corpus(token)
        (hits,) = corpus.index.search([query], top=min(top, corpus.size))
        return corpus, hits

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine of two sentences."""
        one, other = self.encoder.encode([first, second]).astype(np.float64)
        length = np.linalg.norm(one) * np.linalg.norm(other)
        return float(np.clip(one @ other / length, -1, 1)) if length else 0.0

    def sts_score(self, cosine: float) -> float | None:
        """Return what a cosine means, from 0 (unrelated) to 5 (equivalent); None if the model cannot tell."""
        calibration = self.encoder.calibration
        return None if calibration is None else calibration.score_of(cosine)

    @property
    def match(self) -> float | None:
        """The cosine from which two sentences are more likely a match than not; None if the model cannot tell."""
        calibration = self.encoder.calibration
        return None if calibration is None else calibration.match

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return how many of the texts have more tokens than the model reads."""
        return self.encoder.count_truncated(texts)

    def cluster(self, sentences: list[str], groups: int | None = None) -> Clusters:
        """Group sentences by meaning.

        Args:
            sentences: at least two.
            groups: the number of groups; the best one if None.

        Raises:
            RefusalError: there are more groups than distinct sentences.
        """
        embeddings = YieldingEncoder(self.encoder).encode(sentences)
        try:
            clusters = kmeans(embeddings, groups)
        except KosbertError as error:
            raise RefusalError("groups", error.message) from error
        points = project_2d(embeddings).astype(np.float64)
        points -= (points.max(0) + points.min(0)) / 2
        points /= max(float(np.abs(points).max()), 1e-9)
        return Clusters([cluster.rows for cluster in clusters], [(float(x), float(y)) for x, y in points])

    def upload(self, name: str, file: BinaryIO, column: str | None = None) -> Corpus:
        """Make a corpus of a user's file, with a token; corpora that are unused the longest are forgotten if need be.

        Args:
            name: the file's name; its ending says which kind of file it is.
            file: the file's content.
            column: the column of a table with the sentences; its only one, or sentence or text, if None.

        Raises:
            RefusalError: the file cannot be used; the message says why.
        """
        corpus = self._index(secrets.token_urlsafe(16), name, read_upload(name, file, column))
        with self._lock:
            self._forget_unused()
            self._uploads[corpus.token] = self._clock(), corpus
            while len(self._uploads) > 1 and (len(self._uploads) > UPLOADS or self.memory > MEMORY):
                self._uploads.popitem(last=False)
        return corpus

    @property
    def memory(self) -> int:
        """Return the bytes of all uploaded corpora."""
        return sum(corpus.memory for _, corpus in self._uploads.values())

    def _index(self, token: str, name: str, sentences: list[str]) -> Corpus:
        index = SentenceIndex.from_sentences(sentences, YieldingEncoder(self.encoder))
        memory = sum(map(sys.getsizeof, sentences)) + len(sentences) * self.dimensions * np.dtype(np.float32).itemsize
        truncated = self.count_truncated(sentences)
        return Corpus(token, name, len(sentences), truncated, _samples(sentences), index, memory)

    def _corpus(self, token: str) -> Corpus:
        if not token:
            return self.corpus
        with self._lock:
            self._forget_unused()
            if token not in self._uploads:
                raise RefusalError("gone", "This corpus is no longer in memory; upload it again", status=404)
            _, corpus = self._uploads[token]
            self._uploads[token] = self._clock(), corpus
            self._uploads.move_to_end(token)
        return corpus

    def _forget_unused(self) -> None:
        for token, (used, _) in [*self._uploads.items()]:
            if self._clock() - used > 60 * MINUTES:
                del self._uploads[token]


def _samples(sentences: list[str]) -> list[str]:
    """Return a few sentences from all over a corpus, each as the line that a query is, and short enough for one."""
    fitting = [*dict.fromkeys(" ".join(each.split()) for each in sentences if len(each) <= CHARACTERS)]
    return fitting[:: max(1, len(fitting) // SAMPLES)][:SAMPLES]
