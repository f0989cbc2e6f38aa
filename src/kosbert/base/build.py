"""The base encoder that `base_model` names: one module for each kind of base, and this is where a kind is found."""

from collections.abc import Iterator
from pathlib import Path

from sentence_transformers import SentenceTransformer

from kosbert.base import e5, hub, kobert, korbert, scratch
from kosbert.base.checks import check
from kosbert.base.vocabulary import trim
from kosbert.data.tables import read_nli, read_tune
from kosbert.encoder.model import assemble
from kosbert.params import AnyBase, Hub, KoBert, KorBert, PackagedE5, Scratch


def build(base: AnyBase, *, tune: Path, nli: Path, seed: int) -> SentenceTransformer:
    """Make a base encoder.

    Args:
        base: which base, and its parameters.
        tune: the STS training table, and
        nli: the NLI training table: the sentences that the vocabulary is made for, or checked and trimmed on.
        seed: of a random initialisation.

    Raises:
        KosbertError: the base cannot be had, or its parts do not fit together.
    """
    sentences = list(_sentences(tune, nli))
    match base:
        case Scratch():
            parts = scratch.initialise(base, sentences, seed=seed)
            return assemble(parts.model, parts.tokenizer)
        case PackagedE5():
            parts = e5.load(base)
        case KorBert():
            parts = korbert.load(Path(base.path))
        case KoBert():
            parts = kobert.load(base)
        case Hub():
            parts = hub.load(base)
    check(parts, sentences, unknown_at_most=base.unknown_at_most)
    parts = trim(parts, [base.prompt + sentence for sentence in sentences], base.trim)
    return assemble(parts.model, parts.tokenizer, prompt=base.prompt, normalize=base.normalize)


def _sentences(tune: Path, nli: Path) -> Iterator[str]:
    for sentence1, sentence2, _ in read_tune(tune):
        yield from (sentence1, sentence2)
    for premise, hypothesis, _ in read_nli(nli):
        yield from (premise, hypothesis)
