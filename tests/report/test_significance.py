"""What is said of all rows by resampling: each is what resampling says of it alone, and survives its file."""

import numpy as np
import pandas as pd
import pytest

from kosbert.errors import KosbertError
from kosbert.metrics import SIMILARITIES
from kosbert.report.resampling import compare_predictions, intervals
from kosbert.report.significance import holm, read_resampled, resample, write_resampled

DRAWS = {"seed": 3, "resamples": 200}


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 51, 100) / 10
    noise = {"base": 0.6, "nli": 0.6, "sts": 0.2}
    columns = ["gold", *SIMILARITIES]
    rows = {name: gold[:, None] / 5 + spread * rng.normal(size=(100, 4)) for name, spread in noise.items()}
    return {name: pd.DataFrame(np.c_[gold, row], columns=columns) for name, row in rows.items()}


def test_intervals_and_comparisons_are_those_of_the_rows_alone(predictions):
    found = resample(predictions, **DRAWS)
    assert found.intervals == {name: intervals(frame, **DRAWS) for name, frame in predictions.items()}
    assert [(each.one, each.other) for each in found.differences] == [("base", "nli"), ("base", "sts"), ("nli", "sts")]
    for each in found.differences:
        assert each.comparison == compare_predictions(predictions[each.one], predictions[each.other], **DRAWS)
    assert [each.corrected for each in found.differences] == holm([e.comparison.p_value for e in found.differences])
    assert [each.distinguishable for each in found.differences] == [False, True, True]


def test_the_seed_decides(predictions):
    assert resample(predictions, **DRAWS) == resample(predictions, **DRAWS)
    assert resample(predictions, **DRAWS) != resample(predictions, **DRAWS | {"seed": 4})


def test_what_is_read_is_what_was_written_to_the_last_digit(predictions, tmp_path):
    found = {"sts": resample(predictions, **DRAWS), "klue": resample({"a": predictions["sts"]}, **DRAWS)}
    write_resampled(found, tmp_path / "resampled.json")
    assert read_resampled(tmp_path / "resampled.json") == found


def test_an_interval_that_is_none_stays_so(predictions, tmp_path):
    write_resampled({"sts": resample({"base": predictions["base"].head(2)}, **DRAWS)}, tmp_path / "resampled.json")
    assert np.isnan(read_resampled(tmp_path / "resampled.json")["sts"].intervals["base"]["cosine_spearman"].low)


@pytest.mark.parametrize(("content", "line"), [(None, "not found; `dvc repro`"), ("{", "`dvc repro -f resample`")])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, content, line):
    path = tmp_path / "resampled.json"
    if content:
        path.write_text(content)
    with pytest.raises(KosbertError, match=line) as caught:
        read_resampled(path)
    assert "\n" not in caught.value.message


def test_holms_correction_is_that_of_a_worked_example():
    # sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1, and never less than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
