import pytest

from kosbert.project.difference import BranchComparison, MetricChange, failures, to_markdown

DIGESTS = {"a": "sha256:aa", "b": "sha256:bb", "a-full": "sha256:aa"}


def comparison(*changes, dataset=("a", "a"), base_model=("e5", "e5"), stale=(), **parameters):
    parameters |= {"dataset": dataset, "base_model": base_model}
    for name in dict.fromkeys(dataset):
        key = f"datasets.{name}.sts.test.digest"
        parameters[key] = tuple(DIGESTS[name] if name == side else None for side in dataset)
    return BranchComparison("main", list(changes), parameters, list(stale))


@pytest.mark.parametrize(("now", "expected"), [(79.0, []), (78.99, ["Row `sts` dropped: dot_pearson -1.01."])])
def test_the_limit_itself_may_be_reached(now, expected):
    found = comparison(
        MetricChange("sts", "dot_pearson", 80.0, now), MetricChange("sts", "cosine_spearman", 10.0, 90.0)
    )
    assert failures(found, drop_at_most=1.0) == expected
    assert ("**Fails**" in to_markdown(found, drop_at_most=1.0)) == bool(expected)


def test_another_test_set_fails_whatever_the_metrics():
    found = comparison(MetricChange("sts", "cosine_spearman", 10.0, 90.0), dataset=("a", "b"))
    (line,) = failures(found, drop_at_most=1.0)
    assert line.startswith("The test set is another (dataset `a` before, `b` now): the scores cannot be compared")


def test_another_dataset_with_the_same_test_set_and_another_base_are_said_and_pass():
    found = comparison(
        MetricChange("sts", "cosine_spearman", 80.0, 80.0), dataset=("a", "a-full"), base_model=("e5", "kobert")
    )
    text = to_markdown(found, drop_at_most=1.0)
    assert "**Passes**" in text
    assert "Trained on another dataset: `a` before, `a-full` now. The test set is the same." in text
    assert "The base model is another: `e5` before, `kobert` now." in text
    assert "digest" not in text.partition("| Parameter")[2], "the name says enough"


def test_a_row_that_the_base_has_without_metrics_is_no_new_one():
    rows = {f"report.rows.{name}": values for name, values in {"sts": ("STS", "STS"), "new": (None, "New")}.items()}
    changes = [MetricChange(row, "cosine_spearman", None, 80.0) for row in ("sts", "new")]
    found = comparison(*changes, **rows)
    assert failures(found, drop_at_most=1.0) == [
        "Row `sts` cannot be compared: at `main` its metrics are missing or broken."
    ]
    assert found.new == ["new"]


def test_the_main_metric_is_always_shown_and_others_where_they_changed():
    text = to_markdown(
        comparison(
            MetricChange("sts", "cosine_pearson", 80.0, 80.0),
            MetricChange("sts", "cosine_spearman", 79.0, 79.0),
            MetricChange("sts", "dot_pearson", 70.0, 70.5),
        ),
        drop_at_most=0.5,
    )
    assert "cosine_pearson" not in text
    assert "| sts   | cosine_spearman |    79.00 | 79.00 |     0.00 |" in text
    assert "| sts   | dot_pearson     |    70.00 | 70.50 |    +0.50 |" in text
    assert "| Parameter" not in text


def test_a_value_cannot_break_the_table():
    text = to_markdown(
        comparison(MetricChange("sts", "cosine_spearman", 1.0, 1.0), launch=("a|b", "`c`\nd")), drop_at_most=1.0
    )
    (row,) = (line for line in text.splitlines() if "launch" in line)
    assert r"`a\|b`" in row
    assert "`'c' d`" in row
