"""Batches of like length: nothing lost, little padding, random but repeatable; no sentence twice where that matters."""

import pytest
from datasets import Dataset, Features, List, Value

from kosbert.encoder.model import load
from kosbert.training.batching import DistinctBatchSampler, LengthBatchSampler, batch_sampler, collator, tokenize
from kosbert.training.losses import scored_pairs

ROWS = 1003
SAMPLERS = [LengthBatchSampler, DistinctBatchSampler]


def ids(a, b):
    features = Features({"a": List(Value("int32")), "b": List(Value("int32")), "label": Value("float64")})
    return Dataset.from_dict({"a": a, "b": b, "label": [0.0] * len(a)}, features=features)


@pytest.fixture
def dataset():
    """Rows of 3 to 99 tokens; a few sentences occur often."""
    lengths = [(row * 7919) % 97 + 1 for row in range(ROWS)]
    return ids([[row, *[7] * length] for row, length in enumerate(lengths)], [[row % 20] for row in range(ROWS)])


def batches(dataset, kind=LengthBatchSampler, seed=3, epoch=0, *, drop_last=False):
    sampler = kind(dataset, batch_size=8, drop_last=drop_last, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_every_example_is_in_one_batch_of_each_epoch(dataset, kind):
    for epoch in (0, 1):
        rows = [row for batch in batches(dataset, kind, epoch=epoch) for row in batch]
        assert sorted(rows) == list(range(ROWS))


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_announced_number_of_batches_is_given_and_all_but_the_last_are_full(dataset, kind):
    for drop_last in (False, True):
        sampler = kind(dataset, batch_size=8, drop_last=drop_last)
        sizes = [len(batch) for batch in sampler]
        assert len(sizes) == len(sampler)
        assert set(sizes[:-1]) == {8}
        assert sizes[-1] == (8 if drop_last else ROWS % 8)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_padding_is_a_small_part_where_random_batches_waste_a_half(dataset, kind):
    lengths = [len(sentence) for sentence in dataset["a"]]
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches(dataset, kind))
    assert sum(lengths) / padded > 0.9
    random = [list(range(start, min(start + 8, ROWS))) for start in range(0, ROWS, 8)]
    assert sum(lengths) / sum(max(lengths[row] for row in batch) * len(batch) for batch in random) < 0.7


@pytest.mark.parametrize("kind", SAMPLERS)
def test_seed_and_epoch_decide_the_order(dataset, kind):
    assert batches(dataset, kind) == batches(dataset, kind)
    assert batches(dataset, kind, epoch=1) != batches(dataset, kind)
    assert batches(dataset, kind, seed=4) != batches(dataset, kind)


def test_short_and_long_batches_are_mixed_over_the_epoch(dataset):
    lengths = [len(dataset["a"][batch[0]]) for batch in batches(dataset)]
    half = len(lengths) // 2
    means = [sum(part) / len(part) for part in (lengths[:half], lengths[half:])]
    assert abs(means[0] - means[1]) < 15


def test_random_batches_are_of_any_lengths(dataset):
    sampler = batch_sampler(dataset, like_length=False, batch_size=8, drop_last=False, seed=3)
    sampler.set_epoch(0)
    found = list(sampler)
    assert sorted(row for batch in found for row in batch) == list(range(ROWS))
    lengths = [len(sentence) for sentence in dataset["a"]]
    spread = [max(lengths[row] for row in batch) - min(lengths[row] for row in batch) for batch in found[:-1]]
    assert sum(spread) / len(spread) > 60


def test_no_sentence_stands_in_a_batch_twice(dataset):
    def repeated(kind):
        sides = [[tuple(dataset["b"][row]) for row in batch] for batch in batches(dataset, kind)]
        return sum(len(batch) - len(set(batch)) for batch in sides)

    assert repeated(LengthBatchSampler) > 0, "the examples are too easy to show anything"
    assert repeated(DistinctBatchSampler) == 0


def test_a_sentence_that_is_everywhere_loses_no_example():
    same = ids([[1, 2]] * 20, [[row] for row in range(20)])
    assert sorted(row for batch in batches(same, DistinctBatchSampler) for row in batch) == list(range(20))


def test_the_encoder_sees_what_it_would_see_without_tokens_made_before(tiny, tables, tmp_path):
    encoder = load(tiny)
    encoder.prompts, encoder.default_prompt_name = {"query": "질문: "}, "query"
    examples = scored_pairs(tables / "tune/tune_train.tsv", tmp_path)
    batch = [4, 0, 9]
    expected = encoder.preprocess([examples[row]["sentence2"] for row in batch], prompt="질문: ")
    rows = tokenize(examples, encoder, tmp_path)
    found = collator(encoder.tokenizer)([rows[row] for row in batch])
    assert found["label"].tolist() == pytest.approx([examples[row]["label"] for row in batch])
    for name in ("input_ids", "attention_mask"):
        assert found[f"sentence2_{name}"].tolist() == expected[name].tolist()
