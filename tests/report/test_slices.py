"""Slices and worst pairs of hand-made test sets, with exact expectations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from kosbert.data.tables import read_tune
from kosbert.errors import KosbertError
from kosbert.report.slices import PAIR_SEEN, SENTENCE_SEEN, UNSEEN, read_test, slices, worst

HEADER = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n"


def made(pairs, gold=None, **columns):
    """A test set of sentence pairs."""
    test = pd.DataFrame(pairs, columns=["sentence1", "sentence2"])
    gold = np.arange(len(test)) % 6 if gold is None else gold
    return test.assign(**{"gold": gold, "genre": "g", "source": "g/f", "seen": UNSEEN} | columns)


def predicted(test, cosine=None):
    cosine = np.random.default_rng(1).random(len(test)) if cosine is None else cosine
    return pd.DataFrame({"gold": test["gold"].to_numpy(float), "cosine": cosine})


def sizes(test, by):
    return {part.name: part.pairs for part in slices(test, {"row": predicted(test)})[by]}


def test_the_test_set_is_read_with_origin_and_overlap(tmp_path):
    raw, train, dev = (tmp_path / name for name in ("raw.tsv", "train.tsv", "dev.tsv"))
    raw.write_text(
        HEADER
        + 'news\tMSRpar\t2012\t1\t5.000\t"가" 나\t다 라\n'  # in dev, the other way round
        + "news\tMSRpar\t2012\t2\t없음\t마\t바\n"
        + "chat\tanswers\t2016\t3\t0.5\t사\t아\n"  # one sentence in train
        + "chat\tanswers\t2016\t4\t1\t자\t차 \n",  # a space more than in train
    )
    train.write_text("사\t카\t1\n타\t차\t2\n")
    dev.write_text('다 라\t"""가"" 나"\t3\n')
    found = read_test(raw, train, dev)
    assert found.to_dict("list") == {
        "sentence1": ['"가" 나', "사", "자"],
        "sentence2": ["다 라", "아", "차 "],
        "gold": [5.0, 0.5, 1.0],
        "genre": ["news", "chat", "chat"],
        "source": ["news/MSRpar", "chat/answers", "chat/answers"],
        "seen": [PAIR_SEEN, SENTENCE_SEEN, UNSEEN],
    }


def test_the_rows_of_the_sample_are_those_that_are_predicted(root, tables):
    tune = [tables / f"tune/tune_{split}.tsv" for split in ("train", "dev", "test")]
    test = read_test(root / "data/sample/KorSTS/sts-test.tsv", *tune[:2])
    assert list(test[["sentence1", "sentence2", "gold"]].itertuples(index=False, name=None)) == list(read_tune(tune[2]))


def test_parts_by_origin_come_in_the_order_of_the_test_set():
    test = made([("가", "나")] * 5, genre=list("babbc"), source=["b/2", "a/1", "b/1", "b/2", "c/1"])
    assert list(sizes(test, "genre").items()) == [("b", 3), ("a", 1), ("c", 1)]
    assert list(sizes(test, "source").items()) == [("b/2", 2), ("a/1", 1), ("b/1", 1), ("c/1", 1)]


def test_lengths_are_the_mean_of_both_sentences_in_thirds():
    test = made([("가" * (number - 1), "나" * (number + 1)) for number in (30, 1, 10, 20, 11, 12, 21, 22, 2)])
    assert list(sizes(test, "length").items()) == [
        ("up to 11 characters", 4),
        ("11 to 20 characters", 2),
        ("over 20 characters", 3),
    ]


def test_sentences_of_one_length_are_one_part():
    assert sizes(made([("가나", "다라")] * 3), "length") == {"up to 2 characters": 3}


@pytest.mark.parametrize(
    ("one", "other", "band"),
    [
        ("비가 온다", "눈이 내린다", "none"),
        ("?", "!", "none"),
        ("a b c", "a d e", "up to 20%"),  # 1 of 5: the bound is in its band
        ("a b c", "a b d e", "20 to 40%"),  # 2 of 5
        ("비가 온다.", '"비가" 그친다.', "20 to 40%"),  # 1 of 3
        ("a b c d", "a b c e", "40 to 60%"),  # 3 of 5
        ("비가 온다.", "온다, 비가!", "over 60%"),  # punctuation is no part of a word, and order does not count
        ("3.5% it's", "3.5 its", "20 to 40%"),  # inside a word it is
    ],
)
def test_word_overlap_is_the_jaccard_index_of_words(one, other, band):
    assert sizes(made([(one, other)]), "word overlap") == {band: 1}


def test_what_was_seen_is_told_from_what_was_not():
    seen = [PAIR_SEEN, UNSEEN, SENTENCE_SEEN, UNSEEN]
    found = sizes(made([("가", "나")] * 4, seen=seen), "seen in training")
    assert list(found.items()) == [(UNSEEN, 2), (SENTENCE_SEEN, 1), (PAIR_SEEN, 1)]


def test_each_way_parts_the_whole_test_set():
    words = ["비가", "눈이", "온다", "많이", "또"]
    rng = np.random.default_rng(2)
    pairs = [[" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(2)] for _ in range(100)]
    test = made(pairs, genre=rng.choice(["a", "b"], 100))
    found = slices(test, {"row": predicted(test)})
    assert {by: sum(part.pairs for part in parts) for by, parts in found.items()} == dict.fromkeys(
        ["genre", "source", "length", "word overlap", "seen in training"], 100
    )


@pytest.mark.filterwarnings("error")
def test_a_part_has_its_own_scores_and_none_where_it_is_small_or_has_one_gold_score():
    genre = np.repeat(["a", "few", "same"], [30, 29, 30])
    test = made([("가", "나")] * 89, genre=genre, gold=np.where(genre == "same", 2, np.arange(89) % 6))
    shuffled = test.sample(frac=1, random_state=3)  # parts do not go by the index
    rows = {"one": predicted(shuffled), "other": predicted(shuffled, np.arange(89) / 89)}
    found = {part.name: part.scores for part in slices(shuffled, rows)["genre"]}
    members = (shuffled["genre"] == "a").to_numpy()
    assert found["a"] == pytest.approx(
        {name: 100 * spearmanr(row["gold"][members], row["cosine"][members]).statistic for name, row in rows.items()}
    )
    assert found["few"] == found["same"] == pytest.approx({"one": np.nan, "other": np.nan}, nan_ok=True)


def test_the_worst_pairs_come_first_with_scores_on_the_scale_of_gold():
    # Without the second and the last, gold is 10 x cosine - 5 exactly; those two pull the line to either side alike.
    gold = [0, 4, 1, 2, 3, 4, 5, 2]
    cosine = [0.5, 0.6, 0.6, 0.7, 0.8, 0.9, 1.0, 0.9]
    test = made([(f"왼쪽 {number}", f"오른쪽 {number}") for number in range(8)], gold=gold, genre=list("abcdefgh"))
    found = worst(test, predicted(test, cosine), count=3)
    slope = np.cov(gold, cosine)[0, 1] / np.var(cosine, ddof=1)
    line = np.mean(gold) + slope * (np.array(cosine) - np.mean(cosine))
    assert list(found) == ["sentence1", "sentence2", "gold", "predicted", "genre"]
    assert list(found.index[:2]) == [1, 7]
    assert found["predicted"].tolist() == pytest.approx(line[found.index])
    errors = np.abs(np.clip(line, 0, 5) - gold)
    assert (found["gold"] - found["predicted"]).abs().tolist() == pytest.approx(sorted(errors, reverse=True)[:3])
    assert found.iloc[0][["sentence1", "sentence2", "gold", "genre"]].tolist() == ["왼쪽 1", "오른쪽 1", 4, "b"]


def test_predicted_scores_are_cut_off_and_ties_stay_in_order():
    # The line is gold = 5 x cosine; the two in the middle have gold 0 and 5 alike, so it stays.
    test = made([("가", "나")] * 6, gold=[0, 5, 0, 5, 0, 5])
    found = worst(test, predicted(test, [0.0, 1.0, 0.5, 0.5, -0.5, 1.5]), count=20)
    assert found.index.tolist() == [2, 3, 0, 1, 4, 5]
    assert found["predicted"].between(0, 5).all()
    assert found["predicted"].loc[[4, 5]].tolist() == [0, 5]


@pytest.mark.parametrize("function", [lambda test, row: slices(test, {"sts": row}), worst], ids=["slices", "worst"])
def test_predictions_of_another_test_set_are_refused(function):
    test = made([("가", "나")] * 40)
    with pytest.raises(KosbertError, match="40 pairs cannot be compared with 39: predictions and test set must come"):
        function(test, predicted(test).iloc[1:])
    with pytest.raises(KosbertError, match="pair 1 has the gold score 0 in one and 5 in the other"):
        function(test, predicted(test).assign(gold=5 - test["gold"]))
