import pytest

from kosbert.project.difference import BranchComparison, MetricChange, Scored, compare_with, failures, to_markdown

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
    assert line.startswith("The test set differs (dataset `a` before, `b` now): the scores cannot be compared")


def test_another_dataset_with_the_same_test_set_and_another_base_are_said_and_pass():
    found = comparison(
        MetricChange("sts", "cosine_spearman", 80.0, 80.0), dataset=("a", "a-full"), base_model=("e5", "kobert")
    )
    text = to_markdown(found, drop_at_most=1.0)
    assert "**Passes**" in text
    assert "Trained on another dataset: `a` before, `a-full` now. The test set is the same." in text
    assert "The base model differs: `e5` before, `kobert` now." in text
    assert "digest" not in text.partition("| Parameter")[2], "the name says enough"


def test_a_row_that_the_base_has_without_metrics_is_no_new_one():
    rows = {f"report.rows.{name}": values for name, values in {"sts": ("STS", "STS"), "new": (None, "New")}.items()}
    changes = [MetricChange(row, "cosine_spearman", None, 80.0) for row in ("sts", "new")]
    found = comparison(*changes, **rows)
    assert failures(found, drop_at_most=1.0) == [
        "Row `sts` cannot be compared: at `main` its metrics are missing or broken."
    ]
    assert found.new == [Scored("new")]


def klue(row, before, now, metric="cosine_spearman"):
    return MetricChange(row, f"klue.{metric}", before, now)


def own(*rows):
    return [MetricChange(row, "cosine_spearman", 80.0, 80.0) for row in rows]


def extra(before="aa", now="aa", name="klue", **columns):
    sides = {"digest": (before, now)} | columns
    return {f"datasets.a.sts.extra.{name}.test.{key}": values for key, values in sides.items()}


def test_a_drop_on_an_extra_test_set_fails_with_row_and_set_named():
    drops = [klue("sts", 80.0, 79.0), klue("sts", 70.0, 68.5, "dot_pearson")]
    found = comparison(*own("sts"), *drops, **extra())
    assert failures(found, drop_at_most=1.0) == ["Row `sts` on `klue` dropped: dot_pearson -1.50."]
    text = to_markdown(found, drop_at_most=1.0)
    assert "| sts   | klue.cosine_spearman |    80.00 | 79.00 |    -1.00 |" in text
    assert "| sts   | cosine_spearman      |    80.00 | 80.00 |     0.00 |" in text


def test_an_extra_test_set_of_one_side_is_new_or_gone_in_words():
    added = comparison(*own("sts"), klue("sts", None, 80.0), **extra(before=None))
    assert failures(added, drop_at_most=1.0) == []
    assert "Row `sts` on `klue` is new; there is nothing to compare it with." in to_markdown(added, drop_at_most=1.0)
    removed = comparison(*own("sts"), klue("sts", 80.0, None), **extra(now=None))
    assert failures(removed, drop_at_most=1.0) == ["Row `sts` on `klue` has vanished."]


def test_a_row_that_is_new_or_gone_is_said_once_for_all_its_test_sets():
    found = comparison(
        *own("sts"),
        *(MetricChange("new", "cosine_spearman", None, 1.0), klue("new", None, 1.0)),
        *(MetricChange("old", "cosine_spearman", 1.0, None), klue("old", 1.0, None)),
    )
    assert (found.new, found.gone) == ([Scored("new")], [Scored("old")])


def test_metrics_on_an_extra_test_set_that_the_base_lacks_are_no_new_ones():
    found = comparison(*own("sts"), klue("sts", None, 80.0), **extra(), **{"report.rows.sts": ("STS", "STS")})
    assert failures(found, drop_at_most=1.0) == [
        "Row `sts` on `klue` cannot be compared: at `main` its metrics are missing or broken."
    ]
    assert found.new == []


@pytest.mark.parametrize(
    ("changed", "fails"),
    [({"now": "bb"}, True), ({"score": ("label", "labels.real-label")}, True), ({"path": ("a.csv", "b.csv")}, False)],
)
def test_another_extra_test_set_fails_whatever_the_metrics(changed, fails):
    found = comparison(*own("sts"), klue("sts", 10.0, 90.0), **extra(**changed))
    line = "The extra test set `klue` differs: the scores on it cannot be compared."
    assert failures(found, drop_at_most=1.0) == [line] * fails


def test_metrics_of_a_row_in_several_files_are_read_in_order_and_dimensions_are_not_compared(monkeypatch):
    answers = {
        "metrics": {
            "metrics/extra/sts.json": {
                "klue.dot_pearson": {"old": 1.0, "new": 2.0},
                "klue.cosine_pearson": {"new": 3.0},
            },
            "metrics/dimensions/sts.json": {"sts.384": {"old": 9.0, "new": 1.0}},
            "metrics/sts.json": {"cosine_spearman": {"old": 5.0, "new": 5.0}},
            "metrics/base.json": {"cosine_spearman": {"old": 4.0, "new": 4.0}},
        },
        "params": {},
        "status": {},
    }
    monkeypatch.setattr("kosbert.project.dvc.ask", lambda command, *_: answers[command])
    monkeypatch.setattr("kosbert.project.git.ask", lambda *_: b"abc\n")
    assert compare_with("main").changes == [
        MetricChange("base", "cosine_spearman", 4.0, 4.0),
        MetricChange("sts", "cosine_spearman", 5.0, 5.0),
        MetricChange("sts", "klue.cosine_pearson", None, 3.0),
        MetricChange("sts", "klue.dot_pearson", 1.0, 2.0),
    ]


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
