"""The base encoder that `base_model` names: one module for each kind of base, and this is where a kind is found."""

from collections.abc import Iterator
from pathlib import Path

from kosbert.base import e5, scratch
from kosbert.data.tables import read_nli, read_tune
from kosbert.params import PackagedE5, Scratch


def build(base: PackagedE5 | Scratch, out: Path, *, tune: Path, nli: Path, seed: int) -> None:
    """Make a base encoder and save it as a sentence-transformers folder.

    Args:
        base: which base, and its parameters.
        out: the folder to write, whole or not at all.
        tune: the STS training table, and
        nli: the NLI training table, for a vocabulary trained on the data at hand.
        seed: of a random initialisation.

    Raises:
        KosbertError: the base cannot be had.
    """
    match base:
        case PackagedE5():
            e5.build(base, out)
        case Scratch():
            scratch.build(base, _sentences(tune, nli), out, seed=seed)


def _sentences(tune: Path, nli: Path) -> Iterator[str]:
    for sentence1, sentence2, _ in read_tune(tune):
        yield from (sentence1, sentence2)
    for premise, hypothesis, _ in read_nli(nli):
        yield from (premise, hypothesis)
