"""Sequences come in batches of like length, each once."""

import pytest

from kosbert.encoder.batches import batches


def test_batches_are_small_enough_and_no_sequence_is_in_them_twice():
    found, numbers = batches(["가" * 5, "나", "", "가" * 5, "다" * 30, "라라"], 10)
    assert found == [["다" * 30], ["가" * 5, "라라"], ["나", ""]]
    assert numbers == [1, 3, 4, 1, 0, 2]


@pytest.mark.parametrize(("items", "expected"), [([], ([], [])), ([(), ()], ([[()]], [0, 0]))], ids=["none", "empty"])
def test_no_sequences_and_empty_ones_are_no_special_case(items, expected):
    assert batches(items, 400) == expected
