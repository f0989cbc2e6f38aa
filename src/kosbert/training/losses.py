"""What a recipe's `loss` names: the examples it learns from, and the loss itself."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    CoSENTLoss,
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
    SoftmaxLoss,
)
from torch import nn
from torch.distributed import is_initialized

from kosbert.data.tables import LABELS, MAX_SCORE, read_nli, read_tune
from kosbert.errors import KosbertError
from kosbert.files import atomic_write
from kosbert.params import Loss, Recipe
from kosbert.training import averaging

BATCH = 1000  # the rows that are looked up at once


@dataclass(frozen=True)
class Objective:
    """How to read the training table, and the loss over its examples.

    Attributes:
        title: the loss in words, for cards.
        examples: the function that reads a table. It also takes a folder: the examples are written there, and read from
            there as they are needed, so that memory does not grow with the table. The folder has to stay for as long.
        loss: the function that makes the loss of an encoder and, if a batch is too large to be encoded at once, of the
            number of examples that is not.
        accumulates: whether the gradient of a batch is the mean of the gradients of its parts.
        citation: what to cite (BibTeX) beside Sentence-BERT's paper, which every card cites; may be empty.
    """

    title: str
    examples: Callable[[Path, Path], Dataset]
    loss: Callable[[SentenceTransformer, int | None], nn.Module]
    accumulates: bool = True
    citation: str = ""


def triplets(table: Path, cache: Path) -> Dataset:
    """Read an NLI table as anchor, positive, negative.

    The anchor is a premise, the positive a sentence it entails, the negative one that contradicts it. Every
    entailed sentence is used once; where a premise has fewer contradictions, they take turns. Premises come in
    the order in which they first occur, wherever in the table their other rows are.

    Raises:
        KosbertError: a row is malformed, or no premise has both.
    """
    pairs = labelled_pairs(table, cache)
    positives, negatives = _match(_premise_keys(pairs), pairs.data.column("label").to_numpy())
    if not positives.size:
        raise KosbertError(f"{table}: no premise has both an entailed and a contradicting hypothesis")
    columns = {"anchor": "string", "positive": "string", "negative": "string"}
    return _write(cache / "triplets.arrow", columns, _look_up(pairs, positives, negatives))


def labelled_pairs(table: Path, cache: Path) -> Dataset:
    """Read an NLI table as premise, hypothesis and the label's index in `LABELS`.

    Raises:
        KosbertError: a row is malformed.
    """
    rows = ((premise, hypothesis, LABELS.index(label)) for premise, hypothesis, label in read_nli(table))
    return _write(cache / "pairs.arrow", {"premise": "string", "hypothesis": "string", "label": "int64"}, rows)


def scored_pairs(table: Path, cache: Path) -> Dataset:
    """Read a tune file as sentence1, sentence2 and the score scaled to 0..1.

    Raises:
        KosbertError: a row is malformed.
    """
    rows = ((sentence1, sentence2, score / MAX_SCORE) for sentence1, sentence2, score in read_tune(table))
    return _write(cache / "pairs.arrow", {"sentence1": "string", "sentence2": "string", "label": "float64"}, rows)


def _premise_keys(pairs: Dataset) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's premise: texts would fill the memory.

    The chance that any two of a million premises share one is 1 in 37 million.
    """
    premises = (premise for rows in pairs.iter(BATCH) for premise in rows["premise"])
    keys = (int.from_bytes(blake2b(premise.encode(), digest_size=8).digest()) for premise in premises)
    return np.fromiter(keys, np.uint64, count=len(pairs))


def _match(premises: NDArray[np.uint64], labels: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row numbers of the positives in their order, and of the negative that goes with each."""
    _, first, which = np.unique(premises, return_index=True, return_inverse=True)
    premise = first[which]  # for each row, the number of the row where its premise first occurs

    def sorted_rows(label: str) -> NDArray[np.intp]:
        rows = np.flatnonzero(labels == LABELS.index(label))
        return rows[np.argsort(premise[rows], kind="stable")]

    # In both, the rows of a premise lie side by side, in the table's order.
    entailed, contradicting = sorted_rows("entailment"), sorted_rows("contradiction")
    wanted, offered = premise[entailed], premise[contradicting]
    turn = np.arange(len(wanted)) - np.searchsorted(wanted, wanted)
    begin = np.searchsorted(offered, wanted)
    count = np.searchsorted(offered, wanted, side="right") - begin
    both = count > 0
    return entailed[both], contradicting[begin[both] + turn[both] % count[both]]


def _look_up(
    pairs: Dataset, positives: NDArray[np.intp], negatives: NDArray[np.intp]
) -> Iterator[tuple[str, str, str]]:
    for begin in range(0, len(positives), BATCH):
        positive, negative = (pairs[rows[begin : begin + BATCH]] for rows in (positives, negatives))
        yield from zip(positive["premise"], positive["hypothesis"], negative["hypothesis"], strict=True)


def _write(file: Path, columns: dict[str, str], rows: Iterable[tuple[object, ...]]) -> Dataset:
    """Write rows as an Arrow file, complete or not at all, and return them as the dataset that is read from it."""
    features = Features({name: Value(kind) for name, kind in columns.items()})
    with atomic_write(file) as tmp, ArrowWriter(path=str(tmp), features=features) as writer:
        for row in rows:
            writer.write(dict(zip(columns, row, strict=True)))
        writer.finalize()
    return Dataset.from_file(str(file))


def _cosine(model: SentenceTransformer, _: int | None) -> nn.Module:
    return CosineSimilarityLoss(model)


def _cosent(model: SentenceTransformer, _: int | None) -> nn.Module:
    return CoSENTLoss(model)


def _softmax(model: SentenceTransformer, _: int | None) -> nn.Module:
    return SoftmaxLoss(model, model.get_embedding_dimension(), num_labels=len(LABELS))


def _ranking(model: SentenceTransformer, mini_batch_size: int | None) -> nn.Module:
    # The whole batch serves as negatives: it is gathered from all processes, and, where the batch is too large to be
    # encoded at once, with cached gradients (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size").
    together = {"gather_across_devices": is_initialized()}
    if mini_batch_size is None:
        return MultipleNegativesRankingLoss(model, **together)
    return CachedMultipleNegativesRankingLoss(model, mini_batch_size=mini_batch_size, **together)


HENDERSON = """\
@misc{henderson-2017-efficient,
  title = {Efficient Natural Language Response Suggestion for Smart Reply},
  author = {Henderson, Matthew and Al-Rfou, Rami and Strope, Brian and Sung, Yun-hsuan and Lukacs, Laszlo and
    Guo, Ruiqi and Kumar, Sanjiv and Miklos, Balint and Kurzweil, Ray},
  year = {2017},
  url = {https://arxiv.org/abs/1705.00652}
}
"""

HUANG = """\
@article{huang-2024-cosent,
  title = {{CoSENT}: Consistent Sentence Embedding via Similarity Ranking},
  author = {Huang, Xiang and Peng, Hao and Zou, Dongcheng and Liu, Zhiwei and Li, Jianxin and Liu, Kay and Wu, Jia and
    Su, Jianlin and Yu, Philip S.},
  journal = {IEEE/ACM Transactions on Audio, Speech, and Language Processing},
  year = {2024},
  url = {https://doi.org/10.1109/TASLP.2024.3402087}
}
"""

# Its keys are the names that `Loss` in params.py allows; that module must not import torch.
OBJECTIVES = {
    "ranking": Objective(
        "multiple negatives ranking loss with contradictions as hard negatives",
        triplets,
        _ranking,
        accumulates=False,
        citation=HENDERSON,
    ),
    "softmax": Objective(
        "softmax classifier over (u, v, |u - v|), the objective for NLI of Sentence-BERT",
        labelled_pairs,
        _softmax,
    ),
    "cosine": Objective(
        "squared error between cosine and score, the regression objective of Sentence-BERT",
        scored_pairs,
        _cosine,
    ),
    "cosent": Objective(
        "CoSENT, a ranking loss: a pair with a higher score should have a higher cosine",
        scored_pairs,
        _cosent,
        accumulates=False,
        citation=HUANG,
    ),
}


def tables(recipe: Recipe, data: Path) -> dict[str, Loss]:
    """Return the tables that a recipe learns from, each with its loss.

    Args:
        recipe: the recipe.
        data: its table, or its folder of tables.

    Returns:
        The losses by the tables' names below `data`; the name is empty if that is a table and no folder.

    Raises:
        KosbertError: the folder has no such table.
    """
    found = sorted(table.name for table in data.glob("*.tsv"))
    for table in [*(recipe.loss if isinstance(recipe.loss, dict) else []), *recipe.shares]:
        if not (data / table).is_file():
            there = f"; there are: {', '.join(found)}" if found else ""
            raise KosbertError(f"{data / table}: the recipe names this table, but it does not exist{there}")
    if isinstance(recipe.loss, dict):
        return recipe.loss
    if data.is_dir() and not found:
        raise KosbertError(f"{data}: no tables (*.tsv) in this folder to learn from; `dvc repro prepare` creates them")
    return dict.fromkeys(found or [""], recipe.loss)


def describe(recipe: Recipe) -> tuple[str, list[str]]:
    """Return what a recipe learns from and how, in words, and what to cite for it (BibTeX)."""
    runs = [run for run, _ in recipe.runs]
    losses = {loss: None for run in runs for loss in (run.loss.values() if isinstance(run.loss, dict) else [run.loss])}
    papers = [OBJECTIVES[loss].citation for loss in losses if OBJECTIVES[loss].citation]
    papers += averaging.citations(recipe.average) if recipe.average else []
    return _learning(recipe), papers


def _learning(recipe: Recipe) -> str:
    losses = recipe.loss if isinstance(recipe.loss, dict) else {"": recipe.loss}
    words = [
        f"`{Path(recipe.data, table).as_posix()}`{_share(recipe, table)}, {OBJECTIVES[loss].title}"
        for table, loss in losses.items()
    ]
    return ("; in turn with " if recipe.turns == "equal" else "; and ").join(words)


def _share(recipe: Recipe, table: str) -> str:
    return f" ({100 * recipe.shares[table]:g} % of it in each epoch)" if table in recipe.shares else ""
