"""Each distinct sequence once, in batches of like length: what all ways to encode in bulk share. It needs no torch."""

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar


class _Sequence(Hashable, Protocol):
    def __len__(self) -> int: ...


Item = TypeVar("Item", bound=_Sequence)


def batches(items: Sequence[Item], size: int) -> tuple[list[list[Item]], list[int]]:
    """Put the distinct ones of sequences into batches, the longest first.

    Args:
        items: sequences in any order, also repeated.
        size: of a batch at most, with padding, unless one sequence is longer.

    Returns:
        The batches, and of each of `items` its number in them, counted from the first to the last batch.
    """
    distinct = sorted(dict.fromkeys(items), key=len, reverse=True)
    found, start = [], 0
    while start < len(distinct):
        found.append(distinct[start : start + max(1, size // max(1, len(distinct[start])))])
        start += len(found[-1])
    number = {item: place for place, item in enumerate(distinct)}
    return found, [number[item] for item in items]
