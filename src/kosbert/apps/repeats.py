"""What a corpus repeats: distinct texts with their rows, in little memory beside the texts themselves."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kosbert.errors import KosbertError, one_line

Numbers = NDArray[np.int64]
DIGEST_BYTES = 16  # so many tell any two texts apart


@dataclass(frozen=True)
class Groups:
    """Members of numbered groups, such as the rows of each distinct text.

    Attributes:
        members: the numbers of the members, those of each group together and in ascending order.
        starts: the position of the first member of each group, and last the number of members.
    """

    members: NDArray[np.integer]
    starts: Numbers

    def __len__(self) -> int:
        return len(self.starts) - 1

    def save(self, members: Path, starts: Path) -> None:
        """Save the groups as two .npy files."""
        for path, numbers in ((members, self.members), (starts, self.starts)):
            with written(path):
                np.save(path, numbers)

    def first(self, group: int, count: int) -> NDArray[np.integer]:
        """Return the first members of a group: so many, or all if there are fewer."""
        start, end = self.starts[group], self.starts[group + 1]
        return self.members[start : min(end, start + count)]

    def sizes(self, groups: Numbers) -> Numbers:
        """Return the number of members of each of these groups."""
        sizes: Numbers = self.starts[groups + 1] - self.starts[groups]
        return sizes

    def all(self, groups: Numbers) -> Numbers:
        """Return all members of these groups."""
        sizes = self.sizes(groups)
        ends = np.cumsum(sizes)
        positions = np.arange(sizes.sum()) + np.repeat(self.starts[groups] - ends + sizes, sizes)
        members: Numbers = self.members[positions].astype(np.int64)
        return members


class Numbering:
    """Numbers of distinct things, in the order of their first appearance. Of each it keeps a digest of 16 bytes."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._numbers = array("I")

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, thing: bytes) -> bool:
        """Add the next thing, and return whether it is new."""
        number = len(self._known)
        self._numbers.append(self._known.setdefault(blake2b(thing, digest_size=DIGEST_BYTES).digest(), number))
        return self._numbers[-1] == number

    def groups(self) -> Groups:
        """Return the positions that each distinct thing has among all, counted from 0."""
        numbers = np.asarray(self._numbers)
        members = np.argsort(numbers, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(numbers))]).astype(np.int64)
        return Groups(members.astype(np.uint32) if len(members) <= 1 << 32 else members, starts)


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Name the file that a library fails to write in the block.

    Raises:
        KosbertError: in place of the library's error, which names neither the file nor the reason.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise KosbertError(f"{path}: could not be written ({one_line(error)}); is the disk full?") from error


def distinct(texts: Iterable[str], numbering: Numbering) -> Iterator[str]:
    """Yield each distinct text where it first appears.

    Args:
        texts: the texts; they need not fit in memory.
        numbering: numbers the texts that are read.

    Raises:
        KosbertError: `texts` is a single text, or holds something else than texts.
    """
    if isinstance(texts, str):
        raise KosbertError("expected a list of texts, found a single text; write [text]")
    for row, text in enumerate(texts, start=1):
        try:
            data = text.encode()
        except (AttributeError, UnicodeEncodeError):  # a lone surrogate is half a character
            raise KosbertError(f"text {row:,}: expected a text, found {text!a:.60}") from None
        if numbering.add(data):
            yield text
