"""What a cosine of a model means: fitted to scored pairs, kept in the model's folder, and read back as it was."""

import json

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
    with pytest.raises(KosbertError, match=rf"from a score of 0.5 to 4.5, and not to {score}: .*give a cosine"):
        KNOWN.cosine_of(score)


def test_scores_that_rise_with_the_cosine_are_found_again():
    cosines = np.random.default_rng(1).uniform(0.6, 1, 2_000)
    found = fit(cosines, 5 * (cosines - 0.6) / 0.4)
    assert [found.cosine_of(score) for score in (1, 2.5, 4)] == pytest.approx([0.68, 0.8, 0.92], abs=0.01)
    assert found.pairs == 2_000


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


def test_it_is_saved_with_the_model_and_read_back(tiny, tables, tmp_path):
    encoder = load(tiny)
    calibration = calibrate(encoder, read_tune(tables / "tune/tune_dev.tsv"))
    save(encoder, tmp_path / "model", card="", calibration=calibration)
    assert read_calibration(tmp_path / "model") == calibration
    assert read_calibration(tmp_path) is None


BAD_KNOTS = [json.dumps({"pairs": 1, "cosine": knots, "score": knots}) for knots in ([], [1, 1], [1, "x"], 1)]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 9_999, *BAD_KNOTS])
def test_a_damaged_one_is_one_line(tmp_path, text):
    (tmp_path / CALIBRATION).write_text(text)
    with pytest.raises(KosbertError, match=r"calibration.json: not as it was written"):
        read_calibration(tmp_path)


def test_unequal_numbers_of_knots_are_one_line(tmp_path):
    write_calibration(tmp_path, Calibration((0.1, 0.2), (1.0,), 5))
    with pytest.raises(KosbertError, match=r"not as it was written"):
        read_calibration(tmp_path)
