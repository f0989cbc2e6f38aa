"""What a recipe's `loss` names: the examples it learns from, the loss itself, and how examples are batched."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import (
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
    SoftmaxLoss,
)
from torch import nn

from kosbert.data.tables import LABELS, MAX_SCORE, read_nli, read_tune
from kosbert.errors import KosbertError
from kosbert.training.batching import LengthBatchSampler


@dataclass(frozen=True)
class Objective:
    """How to read the training table, the loss over its examples, and the batches it wants."""

    examples: Callable[[Path], Dataset]
    loss: Callable[[SentenceTransformer], nn.Module]
    batches: BatchSamplers | type[LengthBatchSampler]


def triplets(path: Path) -> Dataset:
    """Read an NLI table as anchor, positive, negative.

    The anchor is a premise, the positive a sentence it entails, the negative one that contradicts it. Every
    entailed sentence is used once; where a premise has fewer contradictions, they take turns.

    Raises:
        KosbertError: no premise has both.
    """
    by_premise: dict[str, dict[str, list[str]]] = defaultdict(lambda: {label: [] for label in LABELS})
    for premise, hypothesis, label in read_nli(path):
        by_premise[premise][label].append(hypothesis)
    rows = [
        (premise, positive, hypotheses["contradiction"][index % len(hypotheses["contradiction"])])
        for premise, hypotheses in by_premise.items()
        if hypotheses["contradiction"]
        for index, positive in enumerate(hypotheses["entailment"])
    ]
    if not rows:
        raise KosbertError(f"{path}: no premise has both an entailed and a contradicting hypothesis")
    return _dataset(("anchor", "positive", "negative"), rows)


def labelled_pairs(path: Path) -> Dataset:
    """Read an NLI table as premise, hypothesis and the label's place in `LABELS`."""
    rows = [(pair.premise, pair.hypothesis, LABELS.index(pair.label)) for pair in read_nli(path)]
    return _dataset(("premise", "hypothesis", "label"), rows)


def scored_pairs(path: Path) -> Dataset:
    """Read a tune file as sentence1, sentence2 and the score scaled to 0..1."""
    rows = [(sentence1, sentence2, score / MAX_SCORE) for sentence1, sentence2, score in read_tune(path)]
    return _dataset(("sentence1", "sentence2", "label"), rows)


def _dataset(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Dataset:
    return Dataset.from_dict(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))


def _softmax(model: SentenceTransformer) -> nn.Module:
    return SoftmaxLoss(model, model.get_embedding_dimension(), num_labels=len(LABELS))


OBJECTIVES = {
    # Every other sentence of a batch is a negative, so no sentence may stand in a batch twice.
    "ranking": Objective(triplets, MultipleNegativesRankingLoss, BatchSamplers.NO_DUPLICATES),
    # The original's NLI objective: a classifier over (u, v, |u - v|).
    "softmax": Objective(labelled_pairs, _softmax, LengthBatchSampler),
    # The original's STS objective: mean squared error between the cosine and the score.
    "cosine": Objective(scored_pairs, CosineSimilarityLoss, LengthBatchSampler),
}
