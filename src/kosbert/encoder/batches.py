"""Each distinct sequence once, in batches of like length: what all ways to encode share. It needs no torch."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]  # [texts, dimensions]


class _Sequence(Hashable, Protocol):
    def __len__(self) -> int: ...


Item = TypeVar("Item", bound=_Sequence)


def batches(items: Sequence[Item], size: int) -> tuple[list[list[Item]], list[int]]:
    """Put the distinct ones of some sequences into batches, the longest sequences first.

    Args:
        items: the sequences, in any order; they may be repeated.
        size: the size of a batch with padding, at most, unless one sequence alone is longer.

    Returns:
        The batches, and for each of `items` its number in them, counted from the first to the last batch.
    """
    distinct = sorted(dict.fromkeys(items), key=len, reverse=True)
    found, start = [], 0
    while start < len(distinct):
        found.append(distinct[start : start + max(1, size // max(1, len(distinct[start])))])
        start += len(found[-1])
    number = {item: position for position, item in enumerate(distinct)}
    return found, [number[item] for item in items]
