"""From examples to batches: sentences become token ids once, and batches have examples of like length."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, List, Value
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import (
    DefaultBatchSampler,
    MultiDatasetDefaultBatchSampler,
    ProportionalBatchSampler,
    RoundRobinBatchSampler,
)
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from torch.utils.data import ConcatDataset
from transformers import PreTrainedTokenizerFast

from kosbert.encoder.encode import token_rows

# The number of batches that are sorted together: enough for little padding, few enough that batches stay mixed.
BATCHES_PER_POOL = 50


def tokenize(examples: Dataset, encoder: SentenceTransformer, cache: Path) -> Dataset:
    """Turn the sentences of examples into token ids, prompt and special tokens included.

    Args:
        examples: the columns of sentences, and perhaps a `label`.
        encoder: the encoder, whose tokenizer, prompt and `max_seq_length` are used.
        cache: the folder in which the result is kept on disk.
    """
    texts = [name for name in examples.column_names if name != "label"]
    return examples.map(
        lambda rows: {name: token_rows(encoder, rows[name]) for name in texts},
        batched=True,
        features=Features({**examples.features, **dict.fromkeys(texts, List(Value("int32")))}),
        cache_file_name=str(cache / "tokens.arrow"),
        new_fingerprint="tokens",  # else the function is hashed, with the whole encoder in it
        desc="Tokenizing",
    )


def collator(tokenizer: PreTrainedTokenizerFast) -> SentenceTransformerDataCollator:
    """Return the library's collator, for examples of `tokenize`."""
    return SentenceTransformerDataCollator(preprocess_fn=partial(_pad, tokenizer))


def _pad(tokenizer: PreTrainedTokenizerFast, ids: list[list[int]], **_: object) -> dict[str, torch.Tensor]:
    longest = max(map(len, ids))
    return {
        "input_ids": torch.tensor([[*row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in ids]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
    }


class LengthBatchSampler(DefaultBatchSampler):
    """Random batches whose examples have about the same number of tokens.

    Each epoch is shuffled anew and cut into pools; each pool is sorted by length, cut into batches, and the batches of
    all pools are shuffled. Every example, or a share of all, is in one batch of the epoch; a batch that is not full
    comes last. The order depends on the seed and the epoch alone. If a pool is one batch, the examples of a batch are
    of any length.

    Attributes:
        share: the share of the examples that an epoch has, each time another one.
    """

    share: float = 1

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool,  # noqa: FBT001 - the trainer's signature
        batches_per_pool: int = BATCHES_PER_POOL,
        **kwargs: object,
    ) -> None:
        """Take the signature that the trainer calls, and a dataset of `tokenize`."""
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, **kwargs)
        self._pool = batch_size * batches_per_pool
        self._keys, self._lengths = _measure(dataset)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of one epoch, as lists of row numbers."""
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(len(self._lengths))[: self._count()].astype(np.int32)
        pools = range(0, len(order), self._pool)
        batches = [batch for start in pools for batch in self._cut(self._by_length(order[start : start + self._pool]))]
        incomplete = [batch for batch in batches if len(batch) < self.batch_size]
        batches = [batch for batch in batches if len(batch) == self.batch_size]
        for index in random.permutation(len(batches)):
            yield batches[index].tolist()
        if not self.drop_last:
            yield from (batch.tolist() for batch in incomplete)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        batches: float = self._count() / self.batch_size
        return math.floor(batches) if self.drop_last else math.ceil(batches)

    def _count(self) -> int:
        rows = len(self._lengths)
        return max(round(self.share * rows), min(rows, 1))

    def _by_length(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        return rows[self._lengths[rows].argsort(kind="stable")]

    def _cut(self, rows: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        return [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]


class DistinctBatchSampler(LengthBatchSampler):
    """Such batches in which no sentence occurs twice, for losses that take the rest of a batch as negatives.

    Sentences are repeated only where they occur so often that no such batches exist.
    """

    def _cut(self, rows: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        sizes = [len(batch) for batch in super()._cut(rows)]
        batches: list[dict[int, set[int]]] = [{} for _ in sizes]  # each row's sentences
        unfilled = [*range(len(sizes))]
        for row in rows.tolist():
            sentences = set(self._keys[row].tolist())
            number = next((number for number in unfilled if _fits(sentences, batches[number])), unfilled[0])
            if not _fits(sentences, batches[number]):
                row, sentences = _exchange(row, sentences, batches, batches[number])  # noqa: PLW2901 - another takes its turn
            batches[number][row] = sentences
            if len(batches[number]) == sizes[number]:
                unfilled.remove(number)
        return [np.array(list(batch), dtype=np.int32) for batch in batches]


def batch_sampler(dataset: Dataset, *, like_length: bool, share: float = 1, **options: Any) -> LengthBatchSampler:  # noqa: ANN401 - what the trainer gives
    """Return the sampler for a dataset of `tokenize`.

    Examples without a label have the rest of their batch as negatives, so no sentence may occur in it twice; that takes
    a pool of many batches.

    Args:
        dataset: the dataset.
        like_length: whether the examples of a batch have about the same length, also where they need not.
        share: the share of the examples that an epoch has.
        options: further options of the sampler.
    """
    if "label" not in dataset.column_names:
        sampler = DistinctBatchSampler(dataset, **options)
    else:
        sampler = LengthBatchSampler(dataset, **options, batches_per_pool=BATCHES_PER_POOL if like_length else 1)
    sampler.share = share
    return sampler


def table_sampler(
    dataset: ConcatDataset,
    *,
    batch_samplers: list[LengthBatchSampler],
    shares: Sequence[float],
    equal: bool,
    **options: Any,  # noqa: ANN401 - what the trainer gives
) -> MultiDatasetDefaultBatchSampler:
    """Return the sampler for the batches of several tables.

    Args:
        dataset: the examples of all tables.
        batch_samplers: the sampler of each table.
        shares: the share of each table's examples that an epoch has.
        equal: whether the tables' batches come in turn, until one table has no more; else all come, in random order.
        options: further options of the sampler.
    """
    for sampler, share in zip(batch_samplers, shares, strict=True):
        sampler.share = share
    kind = RoundRobinBatchSampler if equal else ProportionalBatchSampler
    return kind(dataset, batch_samplers=batch_samplers, **options)


def _fits(sentences: set[int], batch: dict[int, set[int]], leaving: int | None = None) -> bool:
    return all(sentences.isdisjoint(others) for row, others in batch.items() if row != leaving)


def _exchange(
    row: int, sentences: set[int], batches: list[dict[int, set[int]]], target: dict[int, set[int]]
) -> tuple[int, set[int]]:
    """Put a row in place of one that fits into the batch `target`, and return that one; else return the row itself."""
    for batch in batches:
        for other, others in batch.items():
            if _fits(others, target) and _fits(sentences, batch, leaving=other):
                del batch[other]
                batch[row] = sentences
                return other, others
    return row, sentences


def _measure(dataset: Dataset) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return a number for each sentence [rows, columns], equal for equal ones, and each row's tokens [rows]."""
    columns = [name for name, feature in dataset.features.items() if isinstance(feature, List)]
    keys = np.empty((len(dataset), len(columns)), dtype=np.int64)
    lengths = np.zeros(len(dataset), dtype=np.int32)
    start = 0
    for rows in dataset.with_format("arrow").iter(batch_size=10_000):
        for column, name in enumerate(columns):
            sentences: list[Any] = rows[name].to_pylist()
            # Hashes of tuples of numbers are the same in every process.
            keys[start : start + len(rows), column] = [hash(tuple(sentence)) for sentence in sentences]
            lengths[start : start + len(rows)] += [len(sentence) for sentence in sentences]
        start += len(rows)
    return keys, lengths
