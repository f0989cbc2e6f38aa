"""The performance table: its rows and columns, the caption above it, and its copy in the README."""

import re

import pytest

from kosbert.errors import KosbertError
from kosbert.metrics import METRICS, Cost
from kosbert.report.table import performance, replace_between_markers, short

VALUES = {
    row: {name: 10 * number + column + 0.5 for column, name in enumerate(METRICS)}
    for number, row in enumerate(["base", "nli", "sts", "nli_sts"])
}
EXTRA = {row: {name: each + 0.25 for name, each in values.items()} for row, values in VALUES.items()}


def cells(lines):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def table(params, dataset, kind=performance, **minutes):
    """The table for a dataset, with the minutes that trainings took."""
    costs = {
        name: Cost(30_300_000, minutes[name], "bf16 on cpu, 2 threads", "") if name in minutes else None
        for name in params.recipes
    }
    extra = {row: dict.fromkeys(params.datasets[dataset].sts.extra, EXTRA[row]) for row in VALUES}
    return kind(params.model_copy(update={"dataset": dataset}), VALUES, costs, extra)


def test_our_rows_come_first_in_their_order_then_the_published_ones(four):
    first = table(four, "kornlu").partition("\n\nKLUE-STS")[0]
    rows = [line.split("|") for line in first.splitlines() if line.startswith("|")]
    assert [row[2].strip() for row in rows][:6] == [
        "Trained on",
        "-" * 17,
        "nothing further",
        "NLI",
        "STS",
        "NLI, then STS",
    ]
    assert [cell.strip() for cell in rows[3][1:-1]] == [
        "e5-small (ours)",
        "NLI",
        *(f"{10 + column}.50" for column in range(8)),
    ]
    etri = next(row for row in rows if "ETRI" in row[1] and row[2].strip() == "NLI, then STS")
    assert [float(cell) for cell in etri[3:-1]] == [80.10, 80.42, 79.14, 79.28, 79.08, 79.22, 74.46, 74.16]
    assert len(rows) == 2 + 4 + 6


def test_the_columns_are_the_originals(four):
    head = next(line for line in table(four, "kornlu").splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in head.split("|")[3:-1]] == [
        *("cos P", "cos S", "euc P", "euc S", "man P", "man S", "dot P", "dot S")
    ]


def test_dataset_and_base_model_stand_above_the_table(four):
    first, second, *_ = table(four, "kornlu-full").splitlines()
    assert first == "Dataset `kornlu-full`: KorSTS, and all 950,354 pairs of KorNLI."
    assert second.startswith("Base model `e5-small`: ")


def test_what_may_not_be_passed_on_is_said_above_the_table(four):
    _, second, *_ = table(four.model_copy(update={"base_model": "etri-korbert"}), "kornlu").splitlines()
    assert second == (
        "Base model `etri-korbert`: ETRI KorBERT, eojeol. Licence: ETRI KorBERT licence; "
        "neither the base nor a model trained from it may be passed on."
    )


def test_published_metrics_never_stand_beside_another_datasets(four):
    text = table(four, "sample")
    assert text.startswith("Dataset `sample`: a made-up sample, so these scores mean nothing.")
    assert "ETRI" not in text


def test_by_size_ours_stand_among_the_published_with_the_minutes_from_the_base_on(four):
    lines = table(four, "kornlu", nli=1.5, nli_sts=4.0).partition("With sizes.")[2].splitlines()
    assert lines[0] == " Minutes: all trainings from the base model on, bf16 on cpu, 2 threads."
    rows = cells(lines[4:])
    assert lines[2].count("|") == 7
    assert ["e5-small, `nli_sts` (ours)", "30", "NLI, then STS", "31.50", "31.75", "5.5"] in rows
    assert ["KoSimCSE-RoBERTa-multitask", "111", "KorNLI, KorSTS", "86.12", "", ""] in rows
    scores = [float(row[3]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert [row[0] for row in rows if "ours" in row[0]] == ["e5-small, `nli_sts` (ours)", "e5-small, `nli` (ours)"]
    sample = table(four, "sample", nli=1.5)
    assert "e5-small, `nli` (ours)" in sample
    assert "KoSimCSE" not in sample


def test_a_training_whose_cost_is_not_known_gives_no_minutes(four):
    text = table(alone(four), "sample", nli_sts=4.0)  # but the minutes of nli are not known
    assert re.search(r"`nli_sts` \(ours\) +\| +30 \| NLI, then STS +\| +31\.50 \| +\|", text)
    assert "`nli` (ours)" not in text
    assert "Minutes: all trainings from the base model on, not known." in table(alone(four), "sample")


def alone(params):
    """The parameters, for a sample without extra test sets."""
    sample = params.datasets["sample"]
    sample = sample.model_copy(update={"sts": sample.sts.model_copy(update={"extra": {}})})
    return params.model_copy(update={"datasets": params.datasets | {"sample": sample}})


def test_extra_test_sets_have_a_table_that_says_which_rows_have_seen_their_training_pairs(four):
    recipe = four.recipes["nli"].model_copy(update={"data": "data/scored", "loss": "cosent"})
    params = four.model_copy(update={"recipes": four.recipes | {"nli": recipe}})
    about, _, *lines = table(params, "kornlu").partition("\n\nKLUE-STS: ")[2].split("\n\nWith sizes")[0].splitlines()
    assert about.startswith("the 519 pairs of `klue-sts-v1.1_dev.json` (CC-BY-SA-4.0), which were not used to")
    head, _, *rows = cells(lines[1:])
    assert head == ["Row", "Trained on", "KLUE-STS cos P", "KLUE-STS cos S", "KLUE-STS seen"]
    assert rows == [
        ["`base`", "nothing further", "0.75", "1.75", "no"],
        ["`nli`", "NLI", "10.75", "11.75", "yes"],
        ["`sts`", "STS", "20.75", "21.75", "no"],
        ["`nli_sts`", "NLI, then STS", "30.75", "31.75", "yes"],
    ]


def test_without_extra_test_sets_there_is_no_table_of_them(four):
    text = table(alone(four), "sample", nli=1.5)
    assert "seen" not in text
    assert text.count("\n\n") == 3
    assert text.partition("| Encoder ")[2].splitlines()[0].count("|") == 5


def test_the_short_table_has_our_rows_among_the_published_landmarks(four):
    recipe = four.recipes["nli"].model_copy(update={"data": "data/scored", "loss": "cosent"})
    params = four.model_copy(update={"recipes": four.recipes | {"nli": recipe}})
    text = table(params, "kornlu", short, nli=1.5, nli_sts=4.0)
    head, _, *rows = cells(line for line in text.splitlines() if line.startswith("|"))
    assert head == ["Encoder", "Trained on", "KorSTS", "KLUE-STS", "Million parameters", "Minutes"]
    assert [row for row in rows if "ours" in row[0]] == [
        ["**`nli_sts` (ours)**", "NLI, then STS", "31.50", "31.75 *", "30", "5.5"],
        ["`sts` (ours)", "STS", "21.50", "21.75", "30", ""],
        ["`nli` (ours)", "NLI", "11.50", "11.75 *", "30", "1.5"],
        ["`base` (ours)", "nothing further", "1.50", "1.75", "30", ""],
    ]
    assert ["KoSentenceBERT-ETRI", "KorNLI, then KorSTS", "80.42", "", "110", ""] in rows
    assert ["KoSimCSE-RoBERTa-multitask", "KorNLI, KorSTS", "86.12", "", "111", ""] in rows
    assert "ko-sbert-sts" not in text
    scores = [float(row[2]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    about = " ".join(text.split())
    assert about.startswith("Cosine Spearman × 100 on the test sets of KorSTS and KLUE-STS. Dataset `kornlu`: ")
    assert "\\* Trained on training pairs of this dataset as well." in about
    assert "bf16 on cpu, 2 threads" in about
    assert len(text.splitlines()) <= 20


def test_the_short_table_of_other_data_has_our_rows_alone(four):
    text = table(alone(four), "sample", short)
    head, _, *rows = cells(line for line in text.splitlines() if line.startswith("|"))
    assert head == ["Encoder", "Trained on", "STS", "Million parameters", "Minutes"]
    assert [row[3:] for row in rows] == [["", ""]] * 4
    assert "ublished" not in text
    assert "*  " not in text
    assert "Minutes: training, from the base model to the row, not known." in " ".join(text.split())


def test_only_the_part_between_the_readmes_markers_is_replaced(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- performance: begin -->\nold\n<!-- performance: end -->\nb\n", encoding="utf-8")
    once = replace_between_markers(readme, "new\n")
    assert once == "a\n<!-- performance: begin -->\nnew\n<!-- performance: end -->\nb\n"
    readme.write_text(once, encoding="utf-8")
    assert replace_between_markers(readme, "new\n") == once


def test_a_readme_without_markers_is_an_error(tmp_path):
    (tmp_path / "README.ko.md").write_text("no table here", encoding="utf-8")
    with pytest.raises(KosbertError, match=r"README\.ko\.md: the markers"):
        replace_between_markers(tmp_path / "README.ko.md", "new\n")
