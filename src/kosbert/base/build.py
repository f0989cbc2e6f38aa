"""The base encoder that `base_model` names: one module for each kind of base, and this is where a kind is found."""

from collections.abc import Iterator
from pathlib import Path

from sentence_transformers import SentenceTransformer

from kosbert.base import e5, scratch
from kosbert.data.tables import read_nli, read_tune
from kosbert.params import PackagedE5, Scratch


def build(base: PackagedE5 | Scratch, *, tune: Path, nli: Path, seed: int) -> SentenceTransformer:
    """Make a base encoder.

    Args:
        base: which base, and its parameters.
        tune: the STS training table, and
        nli: the NLI training table, for a vocabulary trained on the data at hand.
        seed: of a random initialisation.

    Raises:
        KosbertError: the base cannot be had.
    """
    match base:
        case PackagedE5():
            return e5.build(base)
        case Scratch():
            return scratch.build(base, _sentences(tune, nli), seed=seed)


def _sentences(tune: Path, nli: Path) -> Iterator[str]:
    for sentence1, sentence2, _ in read_tune(tune):
        yield from (sentence1, sentence2)
    for premise, hypothesis, _ in read_nli(nli):
        yield from (premise, hypothesis)
