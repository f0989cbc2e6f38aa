"""The eight metrics against plain numpy and scipy on the saved embeddings, signs included; and their stage."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from support.stages import run_stage

from kosbert.data.tables import read_tune
from kosbert.encoder.encode import encode
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.evaluation.predict import predict
from kosbert.evaluation.scores import compute_metrics, read_predictions, write_predictions
from kosbert.metrics import METRICS, SIMILARITIES, read_metrics


def test_the_eight_metrics_are_those_of_scipy(tiny, tables, tmp_path):
    path = tables / "tune/tune_test.tsv"
    sentences1, sentences2, gold = zip(*read_tune(path), strict=True)
    encoder = load(tiny)
    for name, sentences in (("u", sentences1), ("v", sentences2)):
        np.save(tmp_path / f"{name}.npy", encoder.encode(list(sentences)).astype(np.float64))
    u, v = np.load(tmp_path / "u.npy"), np.load(tmp_path / "v.npy")
    similarities = {
        "cosine": (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1),
        "euclidean": -np.sqrt(((u - v) ** 2).sum(1)),
        "manhattan": -np.abs(u - v).sum(1),
        "dot": (u * v).sum(1),
    }
    expected = {}
    for name, similarity in similarities.items():
        expected[f"{name}_pearson"] = 100 * pearsonr(gold, similarity).statistic
        expected[f"{name}_spearman"] = 100 * spearmanr(gold, similarity).statistic
    found = evaluate(encoder, path)
    assert tuple(found) == METRICS
    assert found == pytest.approx(expected, abs=0.011)
    assert found["euclidean_spearman"] > 0, "the sign is such that near is similar"


def evaluate(encoder, path):
    return compute_metrics(predict(partial(encode, encoder, bf16=False), [*read_tune(path)]), source=path)


def test_metrics_have_two_decimals(tiny, tables):
    for value in evaluate(load(tiny), tables / "tune/tune_test.tsv").values():
        assert value == round(value, 2)


def test_predictions_are_made_of_whatever_encodes():
    embeddings = {"a": [1, 0], "b": [0, 2], "c": [3, 4]}

    def encode(texts):
        return np.array([embeddings[text] for text in texts], np.float32)

    found = predict(encode, [("a", "b", 1.0), ("c", "a", 4.5)])
    assert found.columns.tolist() == ["gold", *SIMILARITIES]
    assert found.to_numpy() == pytest.approx(np.array([[1, 0, -(5**0.5), -3, 0], [4.5, 0.6, -(20**0.5), -6, 3]]))


def test_predictions_that_are_read_rank_the_pairs_as_those_that_were_written(tmp_path):
    random = np.random.default_rng(1)
    # A sentence has a cosine of 1 with itself, but for the last bits.
    pairs = [(f"a{row}", f"{'ab'[row % 2]}{row}", row % 6 / 1.2) for row in range(500)]
    embeddings = {text: random.normal(size=384).astype(np.float32) for pair in pairs for text in pair[:2]}
    predicted = predict(lambda texts: np.stack([embeddings[text] for text in texts]), pairs)
    write_predictions(predicted, tmp_path / "row.tsv")
    read = read_predictions(tmp_path / "row.tsv")
    assert read.rank().equals(predicted.rank()), "else the table's metrics could differ from those of the stage"


def test_the_stage_writes_the_metrics_that_its_predictions_give(tiny, tables, tmp_path):
    out, predictions, test = tmp_path / "base.json", tmp_path / "base.tsv", tables / "tune/tune_test.tsv"
    run_stage("evaluate", "--model", tiny, "--test", test, "--predictions", predictions, "--out", out)
    assert read_metrics(out) == compute_metrics(read_predictions(predictions), source=predictions)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("같다\t같다\t1.0\n같다\t같다\t5.0\n", "all pairs have the same cosine similarity"),
        ("비가 온다\t눈이 온다\t1.0\n네\t아니요\t1.0\n", "all pairs have the same gold score"),
        ("비가 온다\t눈이 온다\t1.0\n", "1 pair; a correlation needs at least two"),
    ],
)
def test_where_there_is_no_correlation_it_is_an_error_not_a_nan(tiny, tmp_path, rows, message):
    (tmp_path / "same.tsv").write_text(rows, encoding="utf-8")
    with pytest.raises(KosbertError, match=rf"same\.tsv: {message}"):
        evaluate(load(tiny), tmp_path / "same.tsv")


def test_predictions_are_read_as_they_were_written_and_give_the_same_metrics(tiny, tables, tmp_path):
    path = tables / "tune/tune_test.tsv"
    predictions = predict(partial(encode, load(tiny)), [*read_tune(path)])
    write_predictions(predictions, tmp_path / "predictions/base.tsv")
    found = read_predictions(tmp_path / "predictions/base.tsv")
    np.testing.assert_allclose(found, predictions, rtol=1e-8)
    assert compute_metrics(found, source=path) == compute_metrics(predictions, source=path)


def test_predictions_with_other_columns_are_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("gold\tcosine\n1\t2\n")
    with pytest.raises(KosbertError, match=r"a\.tsv: expected the columns gold, cosine, euclidean"):
        read_predictions(tmp_path / "a.tsv")


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(KosbertError, match="no sentence-transformers model there"):
        load(tmp_path / "models/nli")


@pytest.mark.parametrize("content", [b"", b"gold\tcosine\n\xff\xfe\n", b"gold\n1\t2\n3\t4\t5\n"])
def test_predictions_that_are_no_table_are_one_clear_line(tmp_path, content):
    (tmp_path / "sts.tsv").write_bytes(content)
    refusal = r"sts\.tsv: (not a table of numbers|expected the columns).*`dvc repro -f` makes it"
    with pytest.raises(KosbertError, match=refusal):
        read_predictions(tmp_path / "sts.tsv")


def test_a_similarity_that_is_no_number_is_refused(tmp_path):
    predictions = pd.DataFrame({"gold": [0.0, 1.0, 2.0], "cosine": [0.1, float("nan"), 0.3]})
    with pytest.raises(KosbertError, match="a pair has a cosine that is no finite number"):
        compute_metrics(predictions, source=tmp_path / "pairs.tsv")
