"""How far the embeddings of a reader are from those of the model, and the table of all readers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BEGIN, END = "<!-- readers: begin -->", "<!-- readers: end -->"


@dataclass(frozen=True)
class Result:
    """What one reader has come to.

    Args:
        passed: whether its embeddings are near enough; None if it did not run.
        found: how near they are, or what went wrong.
        versions: of the packages that embedded.
    """

    passed: bool | None
    found: str
    versions: str = "–"


def compared(
    found: Mapping[str, Sequence],
    expected: Mapping[str, Sequence],
    lowest: float | None,
    *,
    within: float = 0,
    last_counts: bool = True,
) -> tuple[bool, str]:
    """Compare embeddings with those of the model, and return whether they are near enough, and how near.

    Args:
        found: the embeddings of all texts, in each way that the reader has. All ways but `batch`, a batch of all texts,
            must embed as the model's `encode` does, text by text.
        expected: those of the model.
        lowest: the lowest cosine; if None, differences count.
        within: the largest difference.
        last_counts: whether the cosine of the last text counts; it is told if not.
    """
    pairs = [(np.array(each), np.array(expected[way if way == "batch" else "encode"])) for way, each in found.items()]
    for theirs, ours in pairs:
        if theirs.shape != ours.shape:
            return False, f"shape {theirs.shape} instead of {ours.shape}"
    if lowest is None:
        difference = max(float(np.abs(theirs - ours).max()) for theirs, ours in pairs)
        return difference <= within, f"largest difference {difference:.1e}" if difference else "equal to the last bit"
    cosines = np.array([_cosines(theirs, ours) for theirs, ours in pairs])
    counted = cosines if last_counts else cosines[:, :-1]
    said = f"lowest cosine {_rounded_down(counted.min())}"
    if not last_counts:
        said += f"; of the text of 300 tokens {_rounded_down(cosines[:, -1].min())}"
    return bool(counted.min() >= lowest), said


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def _rounded_down(cosine: float) -> str:
    """Write a cosine; what is not 1 shows as less, but for rounding."""
    return f"{min(np.floor(1e5 * cosine + 0.1) / 1e5, 1):.5f}"


def table(results: Mapping[str, Result]) -> str:
    """Return the results as a Markdown table, a reader a row."""
    words = {True: "yes", False: "**no**", None: "not run"}
    rows = [["reader", "agrees", "", "versions"], ["---"] * 4]
    rows += [[title, words[each.passed], each.found, each.versions] for title, each in results.items()]
    return "".join(f"| {' | '.join(cell.replace('|', ';') for cell in row)} |\n" for row in rows)


def with_table(document: str, text: str) -> str:
    """Return a document with another table between its marks."""
    return re.sub(f"(?<={BEGIN}\n).*?(?={END})", lambda _: f"\n{text}\n", document, flags=re.S)
