"""Semantic search: the sentences of a corpus that are nearest to a query, by the cosine of their embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from kosbert.inference.pytorch import Embedder, ModelEmbedder
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError

Rows = NDArray[np.int64]
Find = Callable[[Embeddings, int], Iterator[Rows]]  # of queries and a number, that many rows or more for each query

SCORES = 1 << 24  # that are held at once: 64 MiB
BLOCK = 1 << 15  # rows that are multiplied at once where they are stored in another precision
ERROR = 1e-5  # of a cosine in fp32, at most


@dataclass(frozen=True)
class Hit:
    """A sentence that was found: its row in the corpus, counted from 0, and its cosine with the query."""

    row: int
    text: str
    score: float


class SentenceIndex:
    """Sentences with their embeddings, to search in.

    `SentenceIndex.from_sentences` keeps them in memory and searches exactly; `kosbert.apps.index` keeps them on disk.
    """

    def __init__(
        self, sentences: Sequence[str], embeddings: Embeddings, embedder: Embedder, *, find: Find | None = None
    ) -> None:
        """Join sentences and embeddings.

        Args:
            sentences: the corpus.
            embeddings: of its sentences, each of length 1 [sentences, dimensions].
            embedder: what made them, and makes those of queries.
            find: proposes the rows that are scored; if None, all are.
        """
        self._sentences, self._embeddings, self._embedder = sentences, embeddings, embedder
        self._find = find or (lambda queries, top: nearest(embeddings, queries, top))

    @classmethod
    def from_sentences(cls, sentences: Sequence[str], embedder: Embedder | SentenceTransformer) -> SentenceIndex:
        """Encode a corpus, and keep it in memory.

        Args:
            sentences: the corpus; of equal ones, each is found.
            embedder: what makes the embeddings, or a sentence-transformers model.
        """
        embedder = embedder_of(embedder)
        return cls(list(sentences), unit(embedder.encode(sentences)), embedder)

    def __len__(self) -> int:
        return len(self._sentences)

    def search(self, queries: Sequence[str], *, top: int = 5) -> list[list[Hit]]:
        """Return the nearest sentences to each query, the nearest first, and equally near ones in order of rows.

        Args:
            queries: any number of them.
            top: how many sentences to find; all, if there are fewer.

        Raises:
            KosbertError: `queries` is one text, or `top` is less than 1.
        """
        if isinstance(queries, str):
            raise KosbertError("search expects a list of queries, found a text; for one query: search([query])")
        if top < 1:
            raise KosbertError(f"top is {top}; expected 1 or more")
        embeddings = unit(self._embedder.encode(queries))
        found = zip(embeddings, self._find(embeddings, min(top, len(self))), strict=True)
        return [self._hits(*scored(self._embeddings, rows, query, top)) for query, rows in found]

    def _hits(self, rows: Rows, scores: NDArray[np.float64]) -> list[Hit]:
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return [Hit(row, self._sentences[row], score) for row, score in pairs]


def embedder_of(model: Embedder | SentenceTransformer) -> Embedder:
    """Return the embedder itself, or one around a sentence-transformers model."""
    return ModelEmbedder(model) if isinstance(model, SentenceTransformer) else model


def unit(embeddings: Embeddings) -> Embeddings:
    """Scale embeddings [sentences, dimensions] to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def nearest(embeddings: Embeddings, queries: Embeddings, top: int) -> Iterator[Rows]:
    """Find exactly, in bounded memory, the rows that may be among the nearest: `top`, and those as near as the last.

    Args:
        embeddings: of the corpus, of length 1 [sentences, dimensions].
        queries: embeddings of length 1 [queries, dimensions].
        top: from 1 to the number of sentences; 0 if there are none.
    """
    count = max(1, SCORES // max(1, len(embeddings)))
    for start in range(0, len(queries), count):
        for scores in _cosines(embeddings, queries[start : start + count]):
            if top == len(scores):
                yield np.arange(top)
                continue
            last = np.partition(scores, len(scores) - top)[len(scores) - top]
            # Products in fp32 differ in their last bits between equal rows: `scored` decides.
            yield np.flatnonzero(scores >= last - ERROR)


def _cosines(embeddings: Embeddings, queries: Embeddings) -> Embeddings:
    if embeddings.dtype == np.float32:
        return queries @ embeddings.T
    starts = range(0, len(embeddings), BLOCK)
    blocks = [queries @ embeddings[start : start + BLOCK].astype(np.float32).T for start in starts]
    return np.concatenate(blocks, axis=1)


def scored(
    embeddings: Embeddings, rows: Rows, query: NDArray[np.float32], top: int
) -> tuple[Rows, NDArray[np.float64]]:
    """Return the `top` of these rows with the highest cosines, and the cosines, in fp64: the same for equal rows."""
    scores = np.einsum("ij,j->i", embeddings[rows].astype(np.float64), query.astype(np.float64))
    order = np.lexsort((rows, -scores))[:top]
    return rows[order], scores[order]
