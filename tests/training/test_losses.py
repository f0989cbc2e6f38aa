"""What each loss learns from, exactly."""

import random
import re
import tracemalloc
import typing

import pytest
from support.kornlu import kornlu_file
from support.training import recipe

from kosbert.data.tables import LABELS, LabelledPair, ScoredPair, read_kornli, write_nli, write_tune
from kosbert.errors import KosbertError
from kosbert.params import Loss
from kosbert.training.losses import OBJECTIVES, describe

E, N, C = "entailment", "neutral", "contradiction"
SCORED = ["cosine", "cosent"]


@pytest.fixture
def nli(tmp_path):
    def write(*rows):
        write_nli(tmp_path / "nli.tsv", (LabelledPair(*row) for row in rows))
        return tmp_path / "nli.tsv"

    return write


@pytest.fixture
def examples(tmp_path):
    """Return a function that reads a table as the examples of a loss."""

    def read(loss, table):
        return OBJECTIVES[loss].examples(table, tmp_path / "cache")

    return read


def triplets_of(rows):
    """The triplets of an NLI table, plainly: with all rows in memory."""
    by_premise = {}
    for premise, hypothesis, label in rows:
        by_premise.setdefault(premise, {one: [] for one in LABELS})[label].append(hypothesis)
    return [
        {"anchor": premise, "positive": positive, "negative": of[C][index % len(of[C])]}
        for premise, of in by_premise.items()
        if of[C]
        for index, positive in enumerate(of[E])
    ]


def test_ranking_pairs_each_entailed_sentence_with_a_contradiction_of_its_premise(nli, examples):
    path = nli(("p", "e1", E), ("p", "n1", N), ("q", "c9", C), ("p", "c1", C), ("p", "e2", E), ("q", "e9", E))
    assert list(examples("ranking", path)) == [
        {"anchor": "p", "positive": "e1", "negative": "c1"},
        {"anchor": "p", "positive": "e2", "negative": "c1"},
        {"anchor": "q", "positive": "e9", "negative": "c9"},
    ]


def test_ranking_lets_several_contradictions_take_turns(nli, examples):
    path = nli(("p", "e1", E), ("p", "e2", E), ("p", "e3", E), ("p", "c1", C), ("p", "c2", C))
    assert examples("ranking", path)["negative"][:] == ["c1", "c2", "c1"]


def test_ranking_orders_premises_by_their_first_row_of_any_label(nli, examples):
    path = nli(("q", "n", N), ("p", "e1", E), ("p", "c1", C), ("q", "c2", C), ("q", "e2", E))
    assert examples("ranking", path)["anchor"][:] == ["q", "p"]


@pytest.mark.parametrize("premises", [None, 400], ids=["its own premises", "few premises"])
def test_ranking_gives_the_same_wherever_in_kornli_the_rows_of_a_premise_are(nli, examples, premises):
    rows = list(read_kornli(kornlu_file("KorNLI/xnli.test.ko.tsv")).rows)
    rng = random.Random(1)  # noqa: S311 - the same order each time
    rng.shuffle(rows)
    if premises:  # with several hypotheses of a kind for each, or none
        rows = [row._replace(premise=rows[int(premises * rng.random() ** 3)].premise) for row in rows]
    expected = triplets_of(rows)
    found = examples("ranking", nli(*rows))
    assert len(expected) > 1_000
    assert list(found) == expected


def test_ranking_needs_an_entailed_and_a_contradicting_sentence(nli, examples):
    with pytest.raises(KosbertError, match=r"nli\.tsv: no premise has both"):
        examples("ranking", nli(("p", "e1", E), ("q", "c1", C)))


def test_softmax_takes_all_pairs_with_the_originals_label_ids(nli, examples):
    rows = list(examples("softmax", nli(("p", "a", C), ("p", "b", E), ("p", "c", N))))
    assert rows == [
        {"premise": "p", "hypothesis": "a", "label": 0},
        {"premise": "p", "hypothesis": "b", "label": 1},
        {"premise": "p", "hypothesis": "c", "label": 2},
    ]


@pytest.mark.parametrize("loss", SCORED)
def test_losses_of_scores_take_them_from_zero_to_one(tmp_path, examples, loss):
    write_tune(tmp_path / "t.tsv", [ScoredPair('그는 "네"', "b", "5.000"), ScoredPair("c", "d", "1.25")])
    assert list(examples(loss, tmp_path / "t.tsv")) == [
        {"sentence1": '그는 "네"', "sentence2": "b", "label": 1.0},
        {"sentence1": "c", "sentence2": "d", "label": 0.25},
    ]


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_a_bad_row_is_refused_with_file_and_line_and_no_examples_are_left(tmp_path, examples, loss):
    table = tmp_path / "table.tsv"
    table.write_text(("a\tb\t1\n" if loss in SCORED else "premise\thypothesis\tlabel\n") + "a\tb\n")
    with pytest.raises(KosbertError, match=r"table\.tsv, line 2: expected .*: 2 columns instead of 3"):
        examples(loss, table)
    assert list((tmp_path / "cache").iterdir()) == []


def test_examples_are_read_from_their_folder_and_are_the_same_bytes_each_time(tmp_path, tables):
    written = []
    for name in ("a", "b"):
        found = OBJECTIVES["ranking"].examples(tables / "nli/train.tsv", tmp_path / name)
        (file,) = (entry["filename"] for entry in found.cache_files)
        assert file == str(tmp_path / name / "triplets.arrow")
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert written[0] == written[1]


def test_memory_does_not_grow_with_the_texts(nli, examples):
    def peak(rows):
        premises = rows // 3  # the rows of a premise are far apart
        table = nli(
            *(
                (f"{number}번째 전제가 되는 긴 문장" * 3, f"{label}, {number}번째 가설", label)
                for label in LABELS
                for number in range(premises)
            )
        )
        tracemalloc.start()
        found = examples("ranking", table)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(found) == premises
        return most

    assert (peak(60_000) - peak(6_000)) / 54_000 < 80  # bytes a row: numbers; the texts of one have 300


def test_every_loss_that_a_recipe_may_name_is_there():
    assert set(typing.get_args(Loss)) == set(OBJECTIVES)


def test_a_recipe_over_several_tables_is_told_and_cited_with_each():
    ours = {"nli/train.tsv": "ranking", "tune/tune_train.tsv": "cosent"}
    words, papers = describe(recipe(data="data", loss=ours, average={"states": 2, "init": 0.3}))
    assert words.startswith("`data/nli/train.tsv`, multiple negatives")
    assert "; in turn with `data/tune/tune_train.tsv`, CoSENT" in words
    assert [re.search(r"@\w+{(\w+)", paper)[1] for paper in papers] == ["henderson", "huang", "wortsman"]
    _, papers = describe(recipe(data="data", loss=ours, average={"runs": 2, "states": 2, "init": 0.3}))
    assert "wortsman-2022-soups" in papers[-1]
    words, papers = describe(recipe(data="data/tune/tune_train.tsv", loss="cosine"))
    assert (words, papers) == (f"`data/tune/tune_train.tsv`, {OBJECTIVES['cosine'].title}", [])
    words, _ = describe(recipe(data="data", loss=ours, turns="all", shares={"tune/tune_train.tsv": 0.4}))
    assert "; and `data/tune/tune_train.tsv` (40 % of it in each epoch), CoSENT" in words
    runs = {"runs": [{}, {"loss": "cosent"}], "states": 2, "init": 0.3}
    _, papers = describe(recipe(data="data/tune/tune_train.tsv", loss="cosine", average=runs))
    assert [re.search(r"@\w+{(\w+)", paper)[1] for paper in papers] == ["huang", "wortsman", "wortsman"]
