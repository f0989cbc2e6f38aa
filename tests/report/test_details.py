"""The detailed table: each metric with its interval, comparisons in words, and parts of the test set; no sentence."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kosbert.encoder.calibration import Calibration
from kosbert.errors import KosbertError
from kosbert.evaluation.scores import compute_metrics
from kosbert.metrics import SIMILARITIES
from kosbert.report.details import details
from kosbert.report.published import published_rows
from kosbert.report.resampling import compare_predictions, intervals
from kosbert.report.results import ExtraTest, Results, Row
from kosbert.report.significance import holm, resample
from kosbert.report.slices import PAIR_SEEN, UNSEEN, slices
from kosbert.report.table import caption

ROWS = {"base": 0.6, "nli": 0.6, "sts": 0.2, "nli_sts": 0.2}
PAIRS = 200
SCORES = {"sts": {384: 86.5, 128: 84.25}, "klue": {384: 90.0, 128: 89.125}}


@pytest.fixture(scope="module")
def kornlu(four):
    report = four.report.model_copy(update={"resamples": 1000})
    return four.model_copy(update={"dataset": "kornlu", "report": report})


@pytest.fixture(scope="module")
def test_set():
    gold = np.random.default_rng(1).integers(0, 51, PAIRS) / 10
    numbers = range(PAIRS)
    return pd.DataFrame(
        {
            "sentence1": [f"왼쪽 문장 {number}" for number in numbers],
            "sentence2": [f"오른쪽 문장 {number}{'.' * number}" for number in numbers],
            "gold": gold,
            "genre": np.where(np.arange(PAIRS) < 80, "news", "chat"),
            "source": "news/a",
            "seen": [PAIR_SEEN if number in (4, 7) else UNSEEN for number in numbers],
        }
    )


@pytest.fixture(scope="module")
def predictions(test_set):
    return {name: predict(test_set, spread, seed) for seed, (name, spread) in enumerate(ROWS.items())}


def predict(test_set, spread, seed):
    noise = np.random.default_rng(seed).normal(size=(PAIRS, len(SIMILARITIES)))
    similarities = test_set["gold"].to_numpy()[:, None] / 5 + spread * noise
    return pd.DataFrame(similarities, columns=list(SIMILARITIES)).assign(gold=test_set["gold"])


def results_of(params, predictions, test_set):
    found = resample(predictions, seed=3, resamples=params.report.resamples)
    rows = [
        Row(
            name=name,
            label=params.report.rows[name],
            predictions=frame,
            metrics=compute_metrics(frame, source=Path(name)),
            intervals=found.intervals[name],
            parameters=1,
            calibration=None,
        )
        for name, frame in predictions.items()
    ]
    extra = ExtraTest(
        name="klue",
        about=params.datasets["kornlu"].sts.extra["klue"],
        pairs=PAIRS,
        metrics={row.name: row.metrics for row in rows},
        intervals=found.intervals,
        comparisons=found.differences,
        seen=["sts"],
    )
    dimensions = {name: {row.name: SCORES[name] for row in rows} for name in SCORES}
    return Results(params, rows, found.differences, test_set, {}, [extra], dimensions)


@pytest.fixture(scope="module")
def results(kornlu, predictions, test_set):
    return results_of(kornlu, predictions, test_set)


@pytest.fixture(scope="module")
def text(results):
    return details(results)


def table(text, heading):
    """The rows of the first table under a heading, its head included, as lists of cells."""
    lines = text.split(f"# {heading}\n")[1].split("\n#")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [rows[0], *rows[2:]]


def plain(text):
    return " ".join(text.split())


def test_it_has_the_caption_of_the_performance_table(kornlu, text):
    assert f"\n\n{caption(kornlu)}\n\n" in text
    assert caption(kornlu).startswith("Dataset `kornlu`")


def test_each_of_our_metrics_has_its_interval_and_no_published_one_has(text, predictions, kornlu):
    head, *rows = table(text, "All metrics")
    assert head[:3] == ["Base model", "Trained on", "cos P"]
    found = intervals(predictions["sts"], seed=3, resamples=1000)["cosine_spearman"]
    score = 100 * predictions["sts"]["gold"].corr(predictions["sts"]["cosine"], method="spearman")
    assert rows[2][:2] == ["e5-small (ours)", "STS"]
    assert rows[2][3] == f"{score:.2f} [{found.low:.1f}, {found.high:.1f}]"
    assert all(re.fullmatch(r"\d+\.\d\d \[\d+\.\d, \d+\.\d\]", cell) for row in rows[:4] for cell in row[2:])
    assert [[float(cell) for cell in row[2:]] for row in rows[4:]] == [
        [*row.values()] for row in published_rows(kornlu.chosen_dataset).values()
    ]
    assert "no interval, since only their metrics were published" in plain(text)
    assert "95% confidence interval, from 1,000 bootstrap resamples of the 200 test pairs" in plain(text)


def test_published_metrics_never_stand_beside_another_datasets(kornlu, results):
    text = details(replace(results, params=kornlu.model_copy(update={"dataset": "sample"}), extra=[], dimensions={}))
    assert "published" not in text
    assert len(table(text, "All metrics")) == 1 + len(ROWS)


def test_few_rows_are_all_compared_and_the_verdict_is_in_words(text, predictions):
    _, *rows = table(text, "Which differences are significant")
    assert [row[:2] for row in rows] == [
        ["NLI", "nothing further"],
        ["STS", "nothing further"],
        ["NLI, then STS", "nothing further"],
        ["STS", "NLI"],
        ["NLI, then STS", "NLI"],
        ["NLI, then STS", "STS"],
    ]
    found = compare_predictions(predictions["base"], predictions["sts"], seed=3, resamples=1000)
    assert rows[1][2:5] == [
        f"{found.difference:+.2f}",
        f"[{found.low:+.2f}, {found.high:+.2f}]",
        f"{found.p_value:.4f}",
    ]
    # those of one spread differ by chance alone
    assert [row[-1] for row in rows] == ["no", "yes", "yes", "yes", "yes", "no"]
    assert [float(row[-2]) for row in rows] == pytest.approx(holm([float(row[-3]) for row in rows]), abs=3e-4)
    assert "about test pairs, not about training seeds" in plain(text)
    assert "Of 6 comparisons" in plain(text)


def test_of_many_rows_each_is_compared_with_the_base_and_the_one_before(kornlu, test_set):
    names = ["a", "base", "b", "c", "d"]
    report = kornlu.report.model_copy(update={"rows": {name: f"label {name}" for name in names}})
    predictions = {name: predict(test_set, 0.5, seed) for seed, name in enumerate(names)}
    text = details(results_of(kornlu.model_copy(update={"report": report}), predictions, test_set))
    assert [(row[0][-1], row[1][6:]) for row in table(text, "Which differences are significant")[1:]] == [
        *(("a", "base"), ("b", "base"), ("c", "base"), ("d", "base")),
        *(("b", "a"), ("c", "b"), ("d", "c")),
    ]


def test_a_single_row_is_compared_with_none(kornlu, predictions, test_set):
    text = details(results_of(kornlu, {"base": predictions["base"]}, test_set))
    assert "## Which differences" not in text
    assert table(text, "Genre")[0] == ["", "Pairs", "nothing further"]


def test_an_extra_test_set_has_metrics_intervals_and_comparisons_of_its_own(text, predictions):
    head, *rows = table(text, "Scores on KLUE-STS")
    assert head[:4] == ["Trained on", "Seen", "cos P", "cos S"]
    found = intervals(predictions["sts"], seed=3, resamples=1000)["cosine_spearman"]
    score = 100 * predictions["sts"]["gold"].corr(predictions["sts"]["cosine"], method="spearman")
    assert [row[:2] for row in rows] == [
        *(["nothing further", "no"], ["NLI", "no"], ["STS", "yes"], ["NLI, then STS", "no"])
    ]
    assert rows[2][3] == f"{score:.2f} [{found.low:.1f}, {found.high:.1f}]"
    assert "the 519 pairs of `klue-sts-v1.1_dev.json` (CC-BY-SA-4.0), which were not used to choose anything." in plain(
        text
    )
    assert table(text, "Differences on KLUE-STS") == table(text, "Which differences are significant")
    assert "Holm's correction covers these 6 comparisons." in plain(text)


def test_the_scores_of_shortened_embeddings_stand_by_dev_set_and_bytes(text):
    head, *rows = table(text, "What fewer dimensions cost")
    assert head == ["Dev set", "Trained on", "384 (1,536 bytes)", "128 (512 bytes)"]
    assert rows[0] == ["KorSTS", "nothing further", "86.50", "84.25"]
    assert rows[7] == ["KLUE-STS", "NLI, then STS", "90.00", "89.12"]
    assert "`SentenceTransformer(model, truncate_dim=128)`" in plain(text)


def test_parts_of_the_test_set_stand_by_model(text, predictions, test_set):
    head, whole, *rows = table(text, "Genre")
    assert head == ["", "Pairs", "nothing further", "NLI", "STS", "NLI, then STS"]
    assert whole[:2] == ["all", "200"]
    assert [row[:2] for row in rows] == [["news", "80"], ["chat", "120"]]
    for row, part in zip(rows, slices(test_set, predictions)["genre"], strict=True):
        assert row[2:] == [f"{score:.2f}" for score in part.scores.values()]
    for heading in ("Source", "Length", "Word overlap", "Seen in training"):
        assert sum(int(row[1]) for row in table(text, heading)[2:]) == PAIRS


def test_pairs_that_overlap_training_are_named_by_line_and_the_scores_without_them_given(text):
    *_, unseen, seen = table(text, "Seen in training")
    assert unseen[:2] == ["neither sentence in train or dev", "198"]
    assert seen == ["the pair in train or dev", "2", "n/a", "n/a", "n/a", "n/a"]
    assert "Test pairs with the pair in train or dev: 2, at these lines of the test table: 5, 8." in plain(text)
    assert "Test pairs with a sentence in train or dev: 0." in plain(text)


def test_no_sentence_of_the_test_set_is_in_it(text):
    assert "문장" not in text


def test_predictions_of_another_test_set_are_refused(results):
    with pytest.raises(KosbertError, match="199 pairs cannot be compared with 200"):
        details(replace(results, test=results.test.iloc[1:]))


def test_the_cosines_of_scores_and_of_a_match_stand_by_row(results):
    first, *others = results.rows
    known = Calibration((0.1, 0.9), (1.5, 5.0), 60, match=0.584)
    text = details(replace(results, rows=[replace(first, calibration=known), *others]))
    lines = text[text.index("## What a cosine means") :].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert cells[0] == ["Trained on", "1", "2", "3", "4", "match"]
    assert cells[2] == [first.label, "n/a", "0.21", "0.44", "0.67", "0.58"]
    assert cells[3] == [others[0].label, *["n/a"] * 5]
