"""What each loss learns from, exactly."""

import typing

import pytest

from kosbert.data.tables import LabelledPair, ScoredPair, write_nli, write_tune
from kosbert.errors import KosbertError
from kosbert.params import Recipe
from kosbert.training.objectives import OBJECTIVES

E, N, C = "entailment", "neutral", "contradiction"


@pytest.fixture
def nli(tmp_path):
    def write(*rows):
        write_nli(tmp_path / "nli.tsv", [LabelledPair(*row) for row in rows])
        return tmp_path / "nli.tsv"

    return write


def test_ranking_pairs_each_entailed_sentence_with_a_contradiction_of_its_premise(nli):
    path = nli(("p", "e1", E), ("p", "n1", N), ("q", "c9", C), ("p", "c1", C), ("p", "e2", E), ("q", "e9", E))
    assert list(OBJECTIVES["ranking"].examples(path)) == [
        {"anchor": "p", "positive": "e1", "negative": "c1"},
        {"anchor": "p", "positive": "e2", "negative": "c1"},
        {"anchor": "q", "positive": "e9", "negative": "c9"},
    ]


def test_ranking_lets_several_contradictions_take_turns(nli):
    path = nli(("p", "e1", E), ("p", "e2", E), ("p", "e3", E), ("p", "c1", C), ("p", "c2", C))
    assert OBJECTIVES["ranking"].examples(path)["negative"][:] == ["c1", "c2", "c1"]


def test_ranking_needs_an_entailed_and_a_contradicting_sentence(nli):
    with pytest.raises(KosbertError, match=r"nli\.tsv: no premise has both"):
        OBJECTIVES["ranking"].examples(nli(("p", "e1", E), ("q", "c1", C)))


def test_softmax_takes_all_pairs_with_the_originals_label_ids(nli):
    rows = list(OBJECTIVES["softmax"].examples(nli(("p", "a", C), ("p", "b", E), ("p", "c", N))))
    assert [(row["premise"], row["hypothesis"], row["label"]) for row in rows] == [
        ("p", "a", 0),
        ("p", "b", 1),
        ("p", "c", 2),
    ]


def test_cosine_takes_scores_from_zero_to_one(tmp_path):
    write_tune(tmp_path / "t.tsv", [ScoredPair('그는 "네"', "b", "5.000"), ScoredPair("c", "d", "1.25")])
    assert list(OBJECTIVES["cosine"].examples(tmp_path / "t.tsv")) == [
        {"sentence1": '그는 "네"', "sentence2": "b", "label": 1.0},
        {"sentence1": "c", "sentence2": "d", "label": 0.25},
    ]


def test_every_loss_that_a_recipe_may_name_is_there():
    assert set(typing.get_args(Recipe.model_fields["loss"].annotation)) == set(OBJECTIVES)
