"""Similarities of pairs of embeddings, as sentence-transformers computes them: sums are in float64.

The library has them in a module that takes seconds to import.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-12  # length that is not divided by: the cosine of an embedding of zeros is 0

Rows = NDArray[np.floating[Any]]  # [pairs, dimensions]
Scores = NDArray[np.float64]  # [pairs]


def dot(left: Rows, right: Rows) -> Scores:
    """Return the dot product of each pair."""
    return np.asarray((left * right).sum(axis=1, dtype=np.float64))


def cosine(left: Rows, right: Rows) -> Scores:
    """Return the cosine of each pair."""
    lengths = (np.maximum(np.sqrt(dot(side, side)), SMALLEST) for side in (left, right))
    return np.asarray(dot(left, right) / np.prod([*lengths], axis=0))


def euclidean(left: Rows, right: Rows) -> Scores:
    """Return the negated Euclidean distance of each pair."""
    return -np.sqrt(dot(left - right, left - right))


def manhattan(left: Rows, right: Rows) -> Scores:
    """Return the negated Manhattan distance of each pair."""
    return -np.asarray(np.abs(left - right).sum(axis=1, dtype=np.float64))
