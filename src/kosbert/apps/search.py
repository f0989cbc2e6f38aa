"""Semantic search: the sentences of a corpus that are nearest to a query, by the cosine of their embeddings.

A text that a corpus repeats is encoded and scored once. Distinct texts are numbered in the order of their first rows,
and each keeps the rows that have it; only what is found is expanded to rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice, repeat
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from kosbert.apps.repeats import Groups, Numbering, Numbers, distinct
from kosbert.errors import KosbertError
from kosbert.inference.encoder import Embeddings, Encoder

FindCandidates = Callable[[Embeddings, int], Iterator[Numbers]]  # (queries, top) -> `top` texts or more for each query

MAX_SCORES = 1 << 24  # scores held at once: 64 MiB
BLOCK_ROWS = 1 << 15  # embeddings multiplied at once where they are stored in another precision
RESCORED_ROWS = 1 << 12  # embeddings held in fp64 at once
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
        rows: Groups,
        find_candidates: FindCandidates | None = None,
    ) -> None:
        """Join sentences and embeddings.

        Args:
            sentences: the distinct sentences of the corpus, in the order of their first rows.
            embeddings: their embeddings, each of length 1 [sentences, dimensions].
            encoder: the encoder that made them, and that encodes the queries.
            rows: the rows of the corpus that have each of the sentences.
            find_candidates: proposes the sentences that are scored for each query; exact if None.
        """
        self._sentences, self._embeddings, self._encoder, self._rows = sentences, embeddings, encoder, rows
        self._find_candidates = find_candidates or (lambda queries, top: exact_candidates(embeddings, queries, top))

    @classmethod
    def from_sentences(cls, sentences: Sequence[str], encoder: Encoder) -> SentenceIndex:
        """Encode a corpus, and keep it in memory.

        Args:
            sentences: the corpus; of equal sentences, each is found.
            encoder: the encoder, such as `kosbert.load` returns.

        Raises:
            KosbertError: `sentences` is a single text, or holds something else than texts.
        """
        numbering = Numbering()
        texts = [*distinct(sentences, numbering)]
        return cls(texts, normalize(encoder.encode(texts)), encoder, rows=numbering.groups())

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows.members)

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
        top = min(top, len(self))
        embeddings = normalize(self._encoder.encode(queries))
        candidates = zip(embeddings, self._find_candidates(embeddings, min(top, len(self._sentences))), strict=True)
        return [self._hits(*rescore(self._embeddings, texts, query, top), top) for query, texts in candidates]

    def _hits(self, texts: Numbers, scores: NDArray[np.float64], top: int) -> list[Hit]:
        hits: list[Hit] = []
        for score, tied in groupby(zip(scores.tolist(), texts.tolist(), strict=True), key=itemgetter(0)):
            rows = merge(*(zip(self._rows.first(text, top), repeat(text), strict=False) for _, text in tied))
            hits.extend(Hit(int(row), self._sentences[text], score) for row, text in islice(rows, top - len(hits)))
            if len(hits) == top:
                break
        return hits


def normalize(embeddings: Embeddings) -> Embeddings:
    """Scale embeddings [sentences, dimensions] to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def exact_candidates(embeddings: Embeddings, queries: Embeddings, top: int) -> Iterator[Numbers]:
    """Find all sentences that may be among the `top` nearest: so many, and those as near as the last.

    Memory is bounded.

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
    embeddings: Embeddings, texts: Numbers, query: NDArray[np.float32], top: int
) -> tuple[Numbers, NDArray[np.float64]]:
    """Return the `top` of these texts with the highest cosines, and the cosines.

    They are computed in fp64, the same for equal embeddings, and in bounded memory.
    """
    scores = np.empty(len(texts))
    for start in range(0, len(texts), RESCORED_ROWS):
        part = slice(start, start + RESCORED_ROWS)
        scores[part] = np.einsum("ij,j->i", embeddings[texts[part]].astype(np.float64), query.astype(np.float64))
    order = np.lexsort((texts, -scores))[:top]
    return texts[order], scores[order]
