"""Semantic search: the sentences of a corpus that are nearest to a query, by the cosine of their embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kosbert.errors import KosbertError
from kosbert.inference.encoder import Embeddings, Encoder

Rows = NDArray[np.int64]
FindCandidates = Callable[[Embeddings, int], Iterator[Rows]]  # (queries, top) -> at least `top` rows for each query

MAX_SCORES = 1 << 24  # scores held at once: 64 MiB
BLOCK_ROWS = 1 << 15  # rows multiplied at once where they are stored in another precision
MAX_ERROR = 1e-5  # the error of a cosine in fp32, at most


@dataclass(frozen=True)
class Hit:
    """A sentence that was found.

    Attributes:
        row: the row of the sentence in the corpus, counted from 0.
        text: the sentence.
        score: the cosine of the sentence and the query.
    """

    row: int
    text: str
    score: float


class SentenceIndex:
    """Sentences with their embeddings, to search in.

    `SentenceIndex.from_sentences` keeps them in memory and searches exactly; `kosbert.apps.index` keeps them on disk.
    """

    def __init__(
        self,
        sentences: Sequence[str],
        embeddings: Embeddings,
        encoder: Encoder,
        *,
        find_candidates: FindCandidates | None = None,
    ) -> None:
        """Join sentences and embeddings.

        Args:
            sentences: the corpus.
            embeddings: the embeddings of the corpus, each of length 1 [sentences, dimensions].
            encoder: the encoder that made them, and that encodes the queries.
            find_candidates: proposes the rows that are scored for each query; exact if None.
        """
        self._sentences, self._embeddings, self._encoder = sentences, embeddings, encoder
        self._find_candidates = find_candidates or (lambda queries, top: exact_candidates(embeddings, queries, top))

    @classmethod
    def from_sentences(cls, sentences: Sequence[str], encoder: Encoder) -> SentenceIndex:
        """Encode a corpus, and keep it in memory.

        Args:
            sentences: the corpus; of equal sentences, each is found.
            encoder: the encoder, such as `kosbert.load` returns.
        """
        return cls(list(sentences), normalize(encoder.encode(sentences)), encoder)

    def __len__(self) -> int:
        return len(self._sentences)

    def search(self, queries: Sequence[str], *, top: int = 5) -> list[list[Hit]]:
        """Return the nearest sentences to each query, the nearest first, and equally near ones in order of rows.

        Args:
            queries: any number of queries.
            top: the number of sentences to find for each; all, if there are fewer.

        Raises:
            KosbertError: `queries` is one text, or `top` is less than 1.
        """
        if isinstance(queries, str):
            raise KosbertError("search expects a list of queries, found a text; for one query: search([query])")
        if top < 1:
            raise KosbertError(f"top is {top}; expected 1 or more")
        embeddings = normalize(self._encoder.encode(queries))
        candidates = zip(embeddings, self._find_candidates(embeddings, min(top, len(self))), strict=True)
        return [self._hits(*rescore(self._embeddings, rows, query, top)) for query, rows in candidates]

    def _hits(self, rows: Rows, scores: NDArray[np.float64]) -> list[Hit]:
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return [Hit(row, self._sentences[row], score) for row, score in pairs]


def normalize(embeddings: Embeddings) -> Embeddings:
    """Scale embeddings [sentences, dimensions] to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def exact_candidates(embeddings: Embeddings, queries: Embeddings, top: int) -> Iterator[Rows]:
    """Find all rows that may be among the `top` nearest, in bounded memory: so many, and those as near as the last.

    Args:
        embeddings: the embeddings of the corpus, of length 1 [sentences, dimensions].
        queries: the embeddings of the queries, of length 1 [queries, dimensions].
        top: a number from 1 to that of the sentences; 0 if there are none.
    """
    count = max(1, MAX_SCORES // max(1, len(embeddings)))
    for start in range(0, len(queries), count):
        for scores in _cosines(embeddings, queries[start : start + count]):
            if top == len(scores):
                yield np.arange(top)
                continue
            last = np.partition(scores, len(scores) - top)[len(scores) - top]
            # Products in fp32 differ in their last bits between equal rows: `rescore` decides.
            yield np.flatnonzero(scores >= last - MAX_ERROR)


def _cosines(embeddings: Embeddings, queries: Embeddings) -> Embeddings:
    if embeddings.dtype == np.float32:
        return queries @ embeddings.T
    starts = range(0, len(embeddings), BLOCK_ROWS)
    blocks = [queries @ embeddings[start : start + BLOCK_ROWS].astype(np.float32).T for start in starts]
    return np.concatenate(blocks, axis=1)


def rescore(
    embeddings: Embeddings, rows: Rows, query: NDArray[np.float32], top: int
) -> tuple[Rows, NDArray[np.float64]]:
    """Return the `top` of these rows with the highest cosines, and the cosines, in fp64: the same for equal rows."""
    scores = np.einsum("ij,j->i", embeddings[rows].astype(np.float64), query.astype(np.float64))
    order = np.lexsort((rows, -scores))[:top]
    return rows[order], scores[order]
