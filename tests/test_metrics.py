"""The files of metrics and costs: what is written is read, and what is damaged is refused in one line."""

import pytest

from kosbert.errors import KosbertError
from kosbert.metrics import (
    METRICS,
    Cost,
    find_cost,
    read_cost,
    read_dimensions,
    read_extra_metrics,
    read_metrics,
    record_costs,
    write_cost,
    write_dimensions,
    write_extra_metrics,
    write_metrics,
)


def test_metrics_are_read_as_they_were_written(tmp_path):
    metrics = {name: number + 0.25 for number, name in enumerate(METRICS)}
    write_metrics(tmp_path / "sts.json", metrics)
    assert read_metrics(tmp_path / "sts.json") == metrics


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not found"),
        ("{", "not valid JSON"),
        ("{}", "expected exactly the keys cosine_pearson"),
        ("[]", "expected exactly the keys"),
    ],
)
def test_metrics_that_are_not_the_eight_are_refused(tmp_path, content, message):
    path = tmp_path / "sts.json"
    if content:
        path.write_text(content)
    with pytest.raises(KosbertError) as error:
        read_metrics(path)
    assert error.value.message.startswith(f"{path}: {message}")


def test_metrics_on_extra_sets_and_scores_of_dimensions_are_read_as_they_were_written(tmp_path):
    metrics = {name: dict.fromkeys(METRICS, value) for name, value in (("klue", 80.5), ("other", 1.25))}
    write_extra_metrics(tmp_path / "extra/sts.json", metrics)
    assert read_extra_metrics(tmp_path / "extra/sts.json") == metrics
    write_extra_metrics(tmp_path / "extra/sts.json", {})
    assert (tmp_path / "extra/sts.json").read_text() == "{}\n"
    assert read_extra_metrics(tmp_path / "extra/sts.json") == {}
    scores = {"sts": {384: 86.5, 64: 80.25}, "klue": {384: 90.0, 64: 88.0}}
    write_dimensions(tmp_path / "dimensions/sts.json", scores)
    assert read_dimensions(tmp_path / "dimensions/sts.json") == scores
    assert [*read_dimensions(tmp_path / "dimensions/sts.json")["sts"]] == [384, 64]


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_extra_metrics, None, ": not found; `dvc repro` creates it"),
        (read_extra_metrics, "[", ": not valid JSON"),
        (read_extra_metrics, "[]", ": expected names of tables of scored pairs"),
        (read_extra_metrics, '{"cosine_pearson": 80.5}', ": expected names of tables of scored pairs"),
        (read_extra_metrics, '{"klue": {"cosine_pearson": 80.5}}', ", klue: expected exactly the keys cosine_pearson"),
        (read_dimensions, None, ": not found; `dvc repro` creates it"),
        (read_dimensions, '{"sts": {}}', ", sts: expected numbers of dimensions, each with a score"),
        (read_dimensions, '{"sts": {"many": 80.5}}', ", sts: expected numbers of dimensions, each with a score"),
        (read_dimensions, '{"sts": {"384": "80.5"}}', ", sts: expected numbers of dimensions, each with a score"),
    ],
)
def test_damaged_files_of_extra_sets_and_dimensions_are_refused(tmp_path, read, content, message):
    path = tmp_path / "sts.json"
    if content:
        path.write_text(content)
    with pytest.raises(KosbertError) as error:
        read(path)
    assert error.value.message.startswith(f"{path}{message}")
    assert "\n" not in error.value.message


def cost(minutes, weights):
    return Cost(3, minutes, "fp32 on cpu, 2 threads", weights)


def record(recorded, measured, weights):
    record_costs(recorded.parent, measured, {recorded.stem: find_cost(recorded, measured, weights)})


def test_the_recorded_cost_stays_with_its_weights_whatever_is_measured(tmp_path):
    recorded, measured = tmp_path / "metrics/costs/nli.json", tmp_path / "measured"
    assert find_cost(recorded, measured, "a") is None
    write_cost(measured / "a.json", cost(4.0, "a"))
    record(recorded, measured, "a")
    write_cost(measured / "a.json", cost(5.0, "a"))  # the same training again, at another speed
    before = recorded.read_bytes()
    record(recorded, measured, "a")
    assert recorded.read_bytes() == before
    assert read_cost(recorded) == cost(4.0, "a")


def test_a_cost_comes_back_with_its_weights(tmp_path):
    recorded, measured = tmp_path / "costs/nli.json", tmp_path / "measured"
    write_cost(recorded, cost(4.0, "a"))  # it came with the repository: nothing was measured here
    record(recorded, measured, "b")
    assert read_cost(recorded) is None, "what these weights cost is not known"
    record(recorded, measured, "a")
    assert read_cost(recorded) == cost(4.0, "a")


def test_the_cost_of_a_recipe_that_is_no_more_is_taken_out_of_the_table_and_kept(tmp_path):
    recorded, measured = tmp_path / "costs/nli.json", tmp_path / "measured"
    write_cost(recorded, cost(4.0, "a"))
    record_costs(recorded.parent, measured, {"sts": None})
    assert [*recorded.parent.iterdir()] == []
    assert read_cost(measured / "a.json") == cost(4.0, "a")


@pytest.mark.parametrize(
    "damaged", ["{", "{}", '{"parameters": "many", "minutes": 4.0, "on": "cpu", "weights": "a"}', '{"minutes": 4.0}']
)
def test_a_damaged_cost_is_a_clear_error(tmp_path, damaged):
    (tmp_path / "nli.json").write_text(damaged)
    with pytest.raises(KosbertError, match=r"nli\.json: expected parameters, minutes, on, weights"):
        read_cost(tmp_path / "nli.json")
