"""What runs a model without torch: rows of token ids in, embeddings out."""

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kosbert.encoder.batches import Embeddings, batches
from kosbert.encoder.tokens import Tokens
from kosbert.inference.encoder import BaseEncoder

INPUTS = ("input_ids", "attention_mask")
# The outputs that programs look for: the first has a row for each token, the second is the whole model's.
OUTPUTS = ("last_hidden_state", "sentence_embedding")
TOKENS = 400  # of a batch: each core works on one, and its caches are small

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]  # token ids and attention mask, both [texts, tokens]


class Graph(Protocol):
    """A graph on a CPU. One thread at a time may use it; `BaseEncoder.encode` sees to that."""

    def embed(self, rows: Sequence[Sequence[int]]) -> Embeddings:
        """Return the embeddings [rows, dimensions] of at least one row of token ids, in the order given."""


class TokenizedEncoder(BaseEncoder):
    """An encoder of which a graph makes the embeddings."""

    _tokens: Tokens
    _graph: Graph

    def _embed(self, texts: list[str]) -> Embeddings:
        return self._graph.embed(self._tokens.rows(texts))

    def _count_tokens(self, texts: list[str]) -> list[int]:
        return self._tokens.count(texts)


def usable_cores() -> int:
    """Return how many cores to use: what OMP_NUM_THREADS says, or else all that this process may have."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    # macOS does not tell which cores a process may have.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def padded_batches(rows: Sequence[Sequence[int]]) -> tuple[list[Batch], list[int]]:
    """Put rows of token ids into padded batches; see `batches`."""
    parts, numbers = batches([tuple(row) for row in rows], TOKENS)
    return [_padded(part) for part in parts], numbers


def _padded(rows: list[tuple[int, ...]]) -> Batch:
    """Pad the rows of a batch, whose first row is the longest."""
    tokens = np.zeros((len(rows), len(rows[0])), np.int64)
    mask = np.zeros_like(tokens)
    for number, ids in enumerate(rows):
        tokens[number, : len(ids)] = ids
        mask[number, : len(ids)] = 1
    return tokens, mask
