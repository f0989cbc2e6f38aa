"""What a cosine of a model means: fitted to scored pairs, kept in the model's folder, and read back as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosbert.data.tables import read_tune
from kosbert.encoder.calibration import CALIBRATION, Calibration, fit, read_calibration, write_calibration
from kosbert.encoder.encode import calibrate
from kosbert.encoder.model import load, save
from kosbert.errors import KosbertError

KNOWN = Calibration(cosine=(0.6, 0.8, 0.9), score=(0.5, 2.5, 4.5), pairs=100)


def test_between_knots_it_is_linear_and_outside_it_stays():
    assert [KNOWN.score_of(cosine) for cosine in (-1, 0.6, 0.7, 0.85, 1)] == pytest.approx([0.5, 0.5, 1.5, 3.5, 4.5])
    assert [KNOWN.cosine_of(score) for score in (0.5, 1.5, 3.5, 4.5)] == pytest.approx([0.6, 0.7, 0.85, 0.9])


@pytest.mark.parametrize("score", [0.4, 4.6])
def test_a_score_that_no_cosine_has_is_one_line(score):
    with pytest.raises(KosbertError, match=rf"covers scores from 0.5 to 4.5, not {score}; give a cosine"):
        KNOWN.cosine_of(score)


def test_scores_that_rise_with_the_cosine_are_found_again():
    cosines = np.random.default_rng(1).uniform(0.6, 1, 2_000)
    found = fit(cosines, 5 * (cosines - 0.6) / 0.4)
    assert [found.cosine_of(score) for score in (1, 2.5, 4)] == pytest.approx([0.68, 0.8, 0.92], abs=0.01)
    assert found.pairs == 2_000


def test_the_match_is_the_cosine_at_which_half_of_the_pairs_score_3_or_more():
    rng = np.random.default_rng(1)
    cosines = rng.uniform(0.6, 1, 1_500)
    matches = rng.random(1_500) < 1 / (1 + np.exp(-30 * (cosines - 0.83)))
    found = fit(cosines, np.where(matches, 3, 2.9))
    assert found.match == pytest.approx(0.83, abs=0.01)
    assert fit([0.1, 0.2, 0.8, 0.9], [1, 2, 4, 5]).match == 0.5  # also where a cosine divides them all


@pytest.mark.parametrize(
    ("cosines", "scores"),
    [
        ([0.1, 0.9], [3, 5]),
        ([0.1, 0.9], [0, 2.9]),
        ([0.7, 0.7, 0.7], [0, 5, 1]),
        ([0.7, 0.7 + 1e-9], [0, 5]),
        ([0.1, 0.2, 0.8, 0.9], [5, 4, 2, 1]),
        ([0.1, 0.1, 0.1, 0.9, 0.9], [1, 5, 5, 5, 5]),
        ([0.5], [5]),
    ],
    ids=["all match", "none matches", "one cosine", "nearly one", "turned round", "below all cosines", "one pair"],
)
def test_where_no_cosine_divides_matches_from_others_there_is_none(cosines, scores):
    assert fit(cosines, scores).match is None


def test_the_whole_scores_are_those_that_it_reaches():
    assert KNOWN.whole_scores == pytest.approx({1: 0.65, 2: 0.75, 3: 0.825, 4: 0.875})
    assert Calibration((0.1, 0.9), (0.0, 5.0), 2).whole_scores == pytest.approx(
        {0: 0.1, 1: 0.26, 2: 0.42, 3: 0.58, 4: 0.74, 5: 0.9}
    )
    assert Calibration((0.5,), (2.5,), 2).whole_scores == {}


@given(
    st.lists(
        st.tuples(st.floats(-1, 1) | st.just(float("nan")), st.integers(0, 50).map(lambda n: n / 10)),
        min_size=1,
        max_size=200,
    )
)
def test_whatever_the_pairs_cosines_and_scores_rise_together(pairs):
    found = fit(*zip(*pairs, strict=True))
    assert len(found.cosine) == len(found.score) >= 1
    assert (np.diff(found.cosine) > 0).all()
    assert (np.diff(found.score) > 0).all()
    assert 0 <= found.score[0] <= found.score[-1] <= 5
    assert found.match is None or -1 <= found.match <= 1


def test_it_is_saved_with_the_model_and_read_back(tiny, tables, tmp_path):
    encoder = load(tiny)
    calibration = calibrate(encoder, read_tune(tables / "tune/tune_dev.tsv"))
    save(encoder, tmp_path / "model", card="", calibration=calibration)
    assert read_calibration(tmp_path / "model") == calibration
    assert read_calibration(tmp_path) is None


def test_the_match_is_read_back_and_an_older_model_has_none(tmp_path):
    write_calibration(tmp_path, replace(KNOWN, match=0.8234))
    assert read_calibration(tmp_path).match == 0.8234
    (tmp_path / CALIBRATION).write_text('{"cosine": [0.6, 0.8, 0.9], "score": [0.5, 2.5, 4.5], "pairs": 100}')
    assert read_calibration(tmp_path) == KNOWN


BAD_KNOTS = [json.dumps({"pairs": 1, "cosine": knots, "score": knots}) for knots in ([], [1, 1], [1, "x"], 1)]
BAD_MATCHES = [
    f'{{"pairs": 1, "cosine": [0.5], "score": [1], "match": {match}}}'
    for match in ("1.1", "NaN", '"x"', "[0]", "1" * 999)
]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 9_999, *BAD_KNOTS, *BAD_MATCHES])
def test_a_damaged_one_is_one_line(tmp_path, text):
    (tmp_path / CALIBRATION).write_text(text)
    with pytest.raises(KosbertError, match=r"calibration.json: damaged"):
        read_calibration(tmp_path)


def test_unequal_numbers_of_knots_are_one_line(tmp_path):
    write_calibration(tmp_path, Calibration((0.1, 0.2), (1.0,), 5))
    with pytest.raises(KosbertError, match=r"calibration.json: damaged"):
        read_calibration(tmp_path)
