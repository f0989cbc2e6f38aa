"""The eight metrics against plain numpy and scipy on the saved embeddings, signs included; and their stage."""

import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from sentence_transformers import SentenceTransformer
from support.stages import run_stage

from kosbert.data.tables import read_tune
from kosbert.encoder.encode import encode
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.evaluation.dimensions import score_dimensions
from kosbert.evaluation.predict import predict
from kosbert.evaluation.scores import compute_metrics, prediction_files, read_predictions, write_predictions
from kosbert.metrics import METRICS, SIMILARITIES, read_dimensions, read_extra_metrics, read_metrics


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


@pytest.fixture
def evaluate_stage(tiny, tables, chosen, tmp_path, monkeypatch):
    """Run the stage on the sample's own sets, with embeddings cut to 16 and 8 numbers."""
    report = chosen.report.model_copy(update={"dimensions": [8, 16, 32, 64]})
    monkeypatch.setattr("kosbert.params.load", lambda: chosen.model_copy(update={"report": report}))
    for folder in ("test", "dev"):
        (tmp_path / "extra" / folder).mkdir(parents=True)

    def run(code=0, **changes):
        inputs = {
            **{"model": tiny, "test": tables / "tune/tune_test.tsv", "dev": tables / "tune/tune_dev.tsv"},
            **{"extra-test": tmp_path / "extra/test", "extra-dev": tmp_path / "extra/dev"},
        }
        outs = {
            **{"predictions": "base.tsv", "extra-predictions": "extra/base"},
            **{"out": "base.json", "extra-out": "extra.json", "dimensions": "dimensions.json"},
        }
        options = inputs | {name: tmp_path / "out" / path for name, path in outs.items()} | changes
        return run_stage("evaluate", *sum(((f"--{name}", path) for name, path in options.items()), ()), code=code)

    return run


def test_the_stage_writes_the_metrics_that_its_predictions_give(evaluate_stage, tmp_path):
    said, out = evaluate_stage(), tmp_path / "out"
    found = read_metrics(out / "base.json")
    assert found == compute_metrics(read_predictions(out / "base.tsv"), source=out)
    assert said == (f"{out / 'base.json'}: cosine Spearman {found['cosine_spearman']:.2f}, and seven more metrics\n")
    assert [*(out / "extra/base").iterdir()] == []
    assert read_extra_metrics(out / "extra.json") == {}


def test_each_extra_test_set_has_predictions_and_metrics_of_its_own(evaluate_stage, tables, tmp_path):
    shutil.copy(tables / "tune/tune_dev.tsv", tmp_path / "extra/test/klue.tsv")
    shutil.copy(tables / "tune/tune_test.tsv", tmp_path / "extra/test/again.tsv")
    (tmp_path / "extra/test/.again.tsv.tmp").mkdir()
    said, out = evaluate_stage(), tmp_path / "out"
    found = read_extra_metrics(out / "extra.json")
    assert [*found] == ["again", "klue"]
    assert found["again"] == read_metrics(out / "base.json") != found["klue"]
    for name, metrics in found.items():
        assert metrics == compute_metrics(read_predictions(out / f"extra/base/{name}.tsv"), source=out)
    assert f"extra.json: on klue, cosine Spearman {found['klue']['cosine_spearman']:.2f}, and seven" in said
    (tmp_path / "extra/test/again.tsv").unlink()
    evaluate_stage()
    assert [path.name for path in (out / "extra/base").iterdir()] == ["klue.tsv"], "nothing stays of a set that is gone"


def test_the_stage_scores_shortened_embeddings_on_each_dev_set(evaluate_stage, tables, tmp_path):
    shutil.copy(tables / "tune/tune_dev.tsv", tmp_path / "extra/dev/klue.tsv")
    evaluate_stage()
    found = read_dimensions(tmp_path / "out/dimensions.json")
    assert [*found] == ["sts", "klue"]
    assert found["sts"] == found["klue"]
    assert [*found["sts"]] == [32, 16, 8], "of the numbers wanted, those below the model's own"


def test_embeddings_are_cut_as_sentence_transformers_cuts_them(tiny, tables):
    path = tables / "tune/tune_dev.tsv"
    found = score_dimensions(partial(encode, load(tiny), bf16=False), [*read_tune(path)], [16, 8], source=path)
    ones, others, gold = zip(*read_tune(path), strict=True)
    expected = {}
    for kept in (32, 16, 8):
        cut = SentenceTransformer(str(tiny), truncate_dim=kept)
        cosines = cut.similarity_pairwise(cut.encode(ones), cut.encode(others))
        expected[kept] = 100 * spearmanr(gold, cosines).statistic
    assert found == pytest.approx(expected, abs=0.02)


def test_fewer_numbers_can_change_the_order_and_whole_embeddings_come_first(tmp_path):
    embeddings = {"a": [1, 0, 0], "b": [1, 0, 3], "c": [1, 1, 0], "d": [0, 1, 0]}
    pairs = [("a", "b", 1.0), ("a", "c", 2.0), ("a", "d", 0.0)]
    found = score_dimensions(
        lambda texts: np.array([embeddings[text] for text in texts], np.float32),
        pairs,
        [1, 2, 2, 3, 4],
        source=tmp_path,
    )
    assert [*found.items()] == [(3, 100.0), (2, 50.0), (1, 86.6)]


def test_where_cut_embeddings_have_no_correlation_the_number_is_named(tmp_path):
    embeddings = {"a": [1, 0], "b": [1, 3], "c": [1, 1]}
    with pytest.raises(KosbertError, match=r"dev\.tsv, with embeddings cut to 1 numbers \(report\.dimensions\): all"):
        score_dimensions(
            lambda texts: np.array([embeddings[text] for text in texts], np.float32),
            [("a", "b", 1.0), ("a", "c", 2.0)],
            [1],
            source=tmp_path / "dev.tsv",
        )


@pytest.mark.parametrize(
    ("folder", "content", "line"),
    [
        ("test", "비가 온다\t눈이 온다\t1.0\n", "klue.tsv: 1 pair; a correlation needs at least 2"),
        ("dev", "비가 온다\t눈이 온다\n", "klue.tsv, line 1: expected sentence1, sentence2, score"),
        ("dev", "", "klue.tsv: no pairs; a correlation needs at least 2"),
        ("test", "", "klue.tsv: no pairs; a correlation needs at least 2"),
    ],
)
def test_where_an_extra_set_cannot_be_scored_nothing_is_written(evaluate_stage, tmp_path, folder, content, line):
    (tmp_path / "extra" / folder / "klue.tsv").write_text(content, encoding="utf-8")
    said = evaluate_stage(code=1)
    assert f"Error: {tmp_path / 'extra' / folder / line}" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_extra_sets_that_is_missing_is_one_line(evaluate_stage, tmp_path):
    said = evaluate_stage(code=1, **{"extra-dev": tmp_path / "nowhere"})
    assert said == f"Error: {tmp_path / 'nowhere'}: no such folder; `dvc repro` creates it\n"


def test_rows_that_were_scored_on_different_sets_are_one_line(tmp_path):
    for name in ("base/klue", "base/other", "sts/klue"):
        (tmp_path / "extra" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"extra/{name}.tsv").touch()
    files = prediction_files(tmp_path, ["base"], own="sts")
    assert files == {
        "sts": {"base": tmp_path / "base.tsv"},
        "klue": {"base": tmp_path / "extra/base/klue.tsv"},
        "other": {"base": tmp_path / "extra/base/other.tsv"},
    }
    with pytest.raises(KosbertError, match="base was scored on sts, klue, other, and sts on sts, klue; `dvc repro`"):
        prediction_files(tmp_path, ["base", "sts"], own="sts")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("같다\t같다\t1.0\n같다\t같다\t5.0\n", "all pairs have the same cosine similarity"),
        ("비가 온다\t눈이 온다\t1.0\n네\t아니요\t1.0\n", "all pairs have the same gold score"),
        ("비가 온다\t눈이 온다\t1.0\n", "1 pair; a correlation needs at least 2"),
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
    with pytest.raises(KosbertError, match="not a sentence-transformers model"):
        load(tmp_path / "models/nli")


@pytest.mark.parametrize("content", [b"", b"gold\tcosine\n\xff\xfe\n", b"gold\n1\t2\n3\t4\t5\n"])
def test_predictions_that_are_no_table_are_one_clear_line(tmp_path, content):
    (tmp_path / "sts.tsv").write_bytes(content)
    refusal = r"sts\.tsv: (not a table of numbers|expected the columns).*`dvc repro -f` recreates it"
    with pytest.raises(KosbertError, match=refusal):
        read_predictions(tmp_path / "sts.tsv")


def test_a_similarity_that_is_no_number_is_refused(tmp_path):
    predictions = pd.DataFrame({"gold": [0.0, 1.0, 2.0], "cosine": [0.1, float("nan"), 0.3]})
    with pytest.raises(KosbertError, match="a pair has a cosine that is not finite"):
        compute_metrics(predictions, source=tmp_path / "pairs.tsv")
