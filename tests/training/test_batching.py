"""Batches of like length: nothing lost, little padding, random but repeatable."""

import pytest
from datasets import Dataset

from kosbert.training.batching import LengthBatchSampler


@pytest.fixture
def dataset():
    lengths = [(index * 7919) % 97 + 1 for index in range(1003)]
    return Dataset.from_dict({"a": ["가" * n for n in lengths], "b": ["나"] * 1003, "label": [0.0] * 1003})


def batches(dataset, seed=3, epoch=0, *, drop_last=False):
    sampler = LengthBatchSampler(dataset, batch_size=8, drop_last=drop_last, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_example_is_in_one_batch_of_each_epoch(dataset):
    for epoch in (0, 1):
        rows = [row for batch in batches(dataset, epoch=epoch) for row in batch]
        assert sorted(rows) == list(range(1003))


def test_the_announced_number_of_batches_is_given(dataset):
    for drop_last in (False, True):
        sampler = LengthBatchSampler(dataset, batch_size=8, drop_last=drop_last)
        assert len(list(sampler)) == len(sampler)


def test_the_last_incomplete_batch_is_dropped_where_asked(dataset):
    assert {len(batch) for batch in batches(dataset, drop_last=True)} == {8}


def test_padding_is_a_small_part_where_random_batches_waste_a_half(dataset):
    lengths = [len(text) for text in dataset["a"]]
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches(dataset))
    assert sum(lengths) / padded > 0.9
    random = [list(range(start, min(start + 8, 1003))) for start in range(0, 1003, 8)]
    assert sum(lengths) / sum(max(lengths[row] for row in batch) * len(batch) for batch in random) < 0.7


def test_seed_and_epoch_decide_the_order(dataset):
    assert batches(dataset) == batches(dataset)
    assert batches(dataset, epoch=1) != batches(dataset)
    assert batches(dataset, seed=4) != batches(dataset)


def test_short_and_long_batches_are_mixed_over_the_epoch(dataset):
    lengths = [len(dataset["a"][batch[0]]) for batch in batches(dataset)]
    half = len(lengths) // 2
    means = [sum(part) / len(part) for part in (lengths[:half], lengths[half:])]
    assert abs(means[0] - means[1]) < 15
