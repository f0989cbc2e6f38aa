"""Batches of like length: sentences are padded to the longest of their batch, and padding costs as much as text."""

from collections.abc import Iterator

import torch
from datasets import Dataset
from sentence_transformers.base.sampler import DefaultBatchSampler

# So many batches are sorted together: enough for little padding, few enough that batches stay mixed.
BATCHES_PER_POOL = 50


class LengthBatchSampler(DefaultBatchSampler):
    """Random batches whose examples have about the same length.

    Each epoch is shuffled anew and cut into pools; each pool is sorted by length, cut into batches, and the
    batches of all pools are shuffled. Every example is in one batch of the epoch. The order depends on the seed
    and the epoch alone.
    """

    def __init__(self, dataset: Dataset, batch_size: int, drop_last: bool, **kwargs: object) -> None:  # noqa: FBT001 - the trainer's signature
        """Take the signature that the trainer calls; length is that of an example's texts, in characters."""
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, **kwargs)
        texts = [name for name, feature in dataset.features.items() if feature.dtype == "string"]
        lengths = [[len(text) for text in dataset[name]] for name in texts]
        self._lengths = torch.tensor(lengths).amax(dim=0)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of one epoch, as lists of row numbers."""
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self._lengths), generator=generator)
        batches: list[list[int]] = []
        for pool in order.split(self.batch_size * BATCHES_PER_POOL):
            by_length = pool[self._lengths[pool].argsort(stable=True)]
            batches += [batch.tolist() for batch in by_length.split(self.batch_size)]
        if self.drop_last:
            batches = [batch for batch in batches if len(batch) == self.batch_size]
        for index in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[index]
