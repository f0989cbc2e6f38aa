"""The eight figures against plain numpy and scipy on the saved embeddings, signs included."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from kosbert.data.tables import read_tune
from kosbert.encoder import load
from kosbert.errors import KosbertError
from kosbert.evaluation.figures import FIGURES
from kosbert.evaluation.scores import evaluate


def test_the_eight_figures_are_those_of_scipy(tiny, tables, tmp_path):
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
    figures = evaluate(encoder, path, bf16=False)
    assert tuple(figures) == FIGURES
    assert figures == pytest.approx(expected, abs=0.011)
    assert figures["euclidean_spearman"] > 0, "the sign is such that near is similar"


def test_figures_have_two_decimals(tiny, tables):
    for figure in evaluate(load(tiny), tables / "tune/tune_test.tsv").values():
        assert figure == round(figure, 2)


def test_an_encoder_that_tells_nothing_apart_is_an_error_not_a_nan(tiny, tmp_path):
    (tmp_path / "same.tsv").write_text("같다\t같다\t1.0\n같다\t같다\t5.0\n같다\t같다\t3.0\n", encoding="utf-8")
    with pytest.raises(KosbertError, match=r"cosine_pearson on .*same\.tsv is nan"):
        evaluate(load(tiny), tmp_path / "same.tsv")


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(KosbertError, match="no sentence-transformers model there"):
        load(tmp_path / "models/nli")
