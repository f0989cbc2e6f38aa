"""Samplers, whatever the rows, the size of a batch and the seed."""

from itertools import islice

import pytest
from datasets import Dataset, Features, List, Value
from hypothesis import given
from hypothesis import strategies as st

from kosbert.training.batching import DistinctBatchSampler, LengthBatchSampler

FEATURES = Features({"a": List(Value("int32")), "b": List(Value("int32"))})
rows = st.lists(st.integers(1, 6), max_size=40)  # how long each row's sentence is: many are the same
sizes, seeds, epochs = st.integers(1, 9), st.integers(0, 2**32 - 1), st.integers(0, 3)


def dataset(lengths):
    sentences = [[1] * length for length in lengths]
    return Dataset.from_dict({"a": sentences, "b": [[row] for row in range(len(lengths))]}, features=FEATURES)


def batches(kind, data, size, seed, epoch, *, drop_last=False):
    sampler = kind(data, batch_size=size, drop_last=drop_last, seed=seed)
    sampler.set_epoch(epoch)
    assert len(sampler) == len(list(sampler)), "the number that is announced is the number that comes"
    return sampler


@pytest.mark.parametrize("kind", [LengthBatchSampler, DistinctBatchSampler])
@given(lengths=rows, size=sizes, seed=seeds, epoch=epochs)
def test_an_epoch_has_each_row_once_in_batches_that_are_full_but_for_the_last(kind, lengths, size, seed, epoch):
    found = [*batches(kind, dataset(lengths), size, seed, epoch)]
    assert sorted(row for batch in found for row in batch) == [*range(len(lengths))]
    assert all(len(batch) == size for batch in found[:-1])
    assert all(found)


@pytest.mark.parametrize("kind", [LengthBatchSampler, DistinctBatchSampler])
@given(lengths=rows, size=sizes, seed=seeds, done=st.integers(0, 12), drop_last=st.booleans())
def test_an_epoch_goes_on_from_any_batch_of_it(kind, *, lengths, size, seed, done, drop_last):
    # A training that was killed makes the sampler anew, sets the epoch, and passes over what is done.
    data = dataset(lengths)
    whole = [*batches(kind, data, size, seed, 1, drop_last=drop_last)]
    again = batches(kind, data, size, seed, 1, drop_last=drop_last)
    assert [*islice(again, done, None)] == whole[done:]


@given(lengths=rows, size=sizes, seed=seeds)
def test_a_sentence_is_in_a_batch_twice_only_where_there_are_more_of_it_than_batches(lengths, size, seed):
    found = [*batches(DistinctBatchSampler, dataset(lengths), size, seed, 0)]
    full = len(lengths) // size
    for batch in found:
        repeated = {lengths[row] for row in batch if [lengths[other] for other in batch].count(lengths[row]) > 1}
        assert not repeated or max(lengths.count(length) for length in set(lengths)) > full
