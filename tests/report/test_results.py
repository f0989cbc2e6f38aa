"""What the report is made of: rows with their sizes, the best of them, slices, and costs of these very weights."""

import pytest

from kosbert.errors import KosbertError
from kosbert.evaluation.scores import compute_metrics, read_predictions
from kosbert.report.results import count_parameters


def test_the_rows_are_those_of_the_table_with_their_labels_and_sizes(results):
    rows = results.rows
    assert [(row.name, row.label) for row in rows] == [
        *(("base", "nothing further"), ("nli", "NLI"), ("sts", "STS"), ("nli_sts", "NLI, then STS"))
    ]
    assert {row.parameters for row in rows} == {3007}
    for row in rows:
        assert row.intervals["cosine_spearman"].low < row.metrics["cosine_spearman"] == row.score


def test_an_extra_test_set_has_all_rows_and_the_rows_that_have_seen_its_training_pairs(results, paths):
    (test,) = results.extra
    assert (test.name, test.about.title, test.seen) == ("klue", "KLUE-STS", ["sts"])
    frame = read_predictions(paths["predictions"] / "extra/nli/klue.tsv")
    assert test.pairs == len(frame)
    assert test.metrics["nli"] == compute_metrics(frame, source=paths["predictions"])
    assert results.extra_metrics["nli"] == {"klue": test.metrics["nli"]}
    assert test.intervals["nli"]["cosine_spearman"].low < test.metrics["nli"]["cosine_spearman"]
    assert len(test.comparisons) == 6


def test_the_scores_of_shortened_embeddings_are_by_dev_set_and_row(results):
    assert results.dimensions["sts"]["nli"] == {384: 81.0, 64: 70.5}
    assert results.dimensions_kept == [384, 64]
    titles = results.params.chosen_dataset.sts_titles
    assert [titles[name] for name in results.dimensions] == ["STS", "KLUE-STS"]


def test_the_parameters_of_an_encoder_are_those_that_torch_counts(tiny):
    from kosbert.encoder.model import load  # noqa: PLC0415 - slow to import

    assert count_parameters(tiny) == sum(weights.numel() for weights in load(tiny).parameters())


def test_the_best_row_has_the_highest_cosine_spearman(results):
    assert results.best.metrics["cosine_spearman"] == max(each["cosine_spearman"] for each in results.metrics.values())


def test_a_cost_counts_only_for_the_weights_that_it_was_recorded_with(results):
    assert results.costs["nli"].minutes == 2.5
    assert results.costs == {"nli": results.costs["nli"], "sts": None, "nli_sts": None}


@pytest.mark.parametrize(("content", "message"), [(None, "no weights"), (b"no tensors", "not readable as safetensors")])
def test_a_model_without_readable_weights_is_a_clear_error(tmp_path, content, message):
    if content:
        (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(KosbertError, match=message) as error:
        count_parameters(tmp_path)
    assert error.value.message.startswith(str(tmp_path))
    assert "dvc repro" in error.value.message
