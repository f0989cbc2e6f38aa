"""The table of a sweep: which experiments count, and the mean and deviation of their metrics."""

import numpy as np
import pytest
from support.commands import invoked

from kosbert.errors import KosbertError
from kosbert.project.spread import Experiment, _consistent, _experiment, spread

DRAWS = {1e-5: [70.0, 71.0, 75.0], 1e-4: [80.0, 80.5, 80.25]}


def experiment(seed, rate, value, **more):
    return Experiment({"seed": seed, "rate": rate, "same": [1, 2], **more}, {"sts": {"cosine_spearman": value}})


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_mean_and_deviation_are_numpys_by_row_and_setting_in_the_order_of_numbers():
    ran = [experiment(seed, rate, value) for rate in (1e-4, 1e-5) for seed, value in enumerate(DRAWS[rate])]
    header, _, *rows = cells(spread(ran, metric="cosine_spearman"))
    assert header == ["row", "rate", "seeds", "mean", "deviation"]
    assert [row[:3] for row in rows] == [["sts", "1e-05", "3"], ["sts", "0.0001", "3"]]
    for row, draws in zip(rows, DRAWS.values(), strict=True):
        assert float(row[3]) == pytest.approx(np.mean(draws), abs=0.005)
        assert float(row[4]) == pytest.approx(np.std(draws, ddof=1), abs=0.005)


def test_a_seed_that_ran_twice_counts_once_as_last_run():
    latest_first = [experiment(1, 1e-5, 72.0), experiment(2, 1e-5, 74.0), experiment(1, 1e-5, 10.0)]
    _, _, row = cells(spread(latest_first, metric="cosine_spearman"))
    assert row == ["sts", "2", "73.00", "1.41"]


def test_one_seed_has_no_deviation():
    _, _, row = cells(spread([experiment(1, 1e-5, 72.0)], metric="cosine_spearman"))
    assert row == ["sts", "1", "72.00", ""]


def test_a_metric_on_an_extra_test_set_is_one_of_its_own():
    ran = [experiment(seed, 1e-5, 70.0) for seed in (1, 2)]
    for each, value in zip(ran, (80.0, 81.0), strict=True):
        each.metrics["sts"]["klue.cosine_spearman"] = value
    _, _, row = cells(spread(ran, metric="klue.cosine_spearman"))
    assert row == ["sts", "2", "80.50", "0.71"]
    with pytest.raises(KosbertError) as error:
        spread(ran, metric="klu.cosine_spearman")
    assert error.value.message == (
        "no experiment has the metric klu.cosine_spearman; there are: cosine_spearman, klue.cosine_spearman"
    )


def test_the_metrics_of_a_row_come_from_all_its_files(monkeypatch):
    monkeypatch.setattr("kosbert.project.git.ask", lambda *_: b"stages: {}")
    files = {
        "metrics/dimensions/sts.json": {"sts": {"384": 1.0}},
        "metrics/extra/sts.json": {"klue": {"cosine_spearman": 80.0}},
        "metrics/sts.json": {"cosine_spearman": 70.0},
        "metrics/base.json": {"cosine_spearman": 60.0},
    }
    shown = {
        "rev": "abc",
        "data": {
            "params": {"params.yaml": {"data": {"seed": 1}}},
            "metrics": {path: {"data": data} for path, data in files.items()},
        },
    }
    assert _experiment(shown).metrics == {
        "sts": {"sts.384": 1.0, "klue.cosine_spearman": 80.0, "cosine_spearman": 70.0},
        "base": {"cosine_spearman": 60.0},
    }


def test_a_metric_of_no_such_name_is_one_line():
    assert "'klue.cosine': expected one of cosine_p" in invoked("spread", "--figure", "klue.cosine", code=2).output


STAGES = [
    {"params": {"params.yaml": {"seed": 1}}, "outs": [{"path": "models/base", "md5": "b1"}]},
    {
        "params": {"params.yaml": {"recipes.sts": {"rate": 0.1}}},
        "deps": [{"path": "models/base", "md5": "b1"}, {"path": "src/x.py", "md5": "x"}],
        "outs": [{"path": "metrics/sts.json", "md5": "m"}],
    },
]


@pytest.mark.parametrize(
    ("parameters", "base", "expected"),
    [
        ({"seed": 1, "recipes.sts.rate": 0.1}, "b1", True),
        ({"seed": 2, "recipes.sts.rate": 0.1}, "b1", False),
        ({"seed": 1, "recipes.sts.rate": 0.2}, "b1", False),
        ({"seed": 1, "recipes.sts.rate": 0.1}, "b2", False),
    ],
    ids=["all as recorded", "an earlier stage's parameter", "its own", "an earlier stage ran anew"],
)
def test_a_metric_counts_if_its_stages_ran_with_the_experiments_parameters(parameters, base, expected):
    first = STAGES[0] | {"outs": [{"path": "models/base", "md5": base}]}
    assert _consistent("metrics/sts.json", [first, STAGES[1]], parameters) is expected
