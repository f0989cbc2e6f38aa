"""Synthetic predictions of the sample's test pairs, models' weights, and curves, laid out as the stages leave them."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from kosbert.report.slices import read_test
from kosbert.report.significance import resample
from kosbert.evaluation.scores import GOLD, read_predictions, write_predictions
from kosbert.report.plots.gallery import draw
from kosbert.report.rows import gather


@pytest.fixture(scope="session")
def small(four):
    """The parameters, for the sample, with few resamples."""
    report = four.report.model_copy(update={"resamples": 1000})
    return four.model_copy(update={"dataset": "sample", "report": report})


@pytest.fixture(scope="session")
def test_set(root, tables):
    return read_test(
        root / "data/sample/KorSTS/sts-test.tsv", tables / "tune/tune_train.tsv", tables / "tune/tune_dev.tsv"
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory, small, test_set):
    """A folder with `predictions`, `models` and `curves`; the curves of `nli_sts` are missing."""
    folder = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(1)
    for place, name in enumerate(small.report.rows):
        cosine = test_set[GOLD] / 5 + rng.normal(scale=0.4 - 0.1 * place, size=len(test_set))
        predictions = pd.DataFrame({GOLD: test_set[GOLD], "cosine": cosine.clip(-1, 1)})
        for similarity in ("euclidean", "manhattan", "dot"):
            predictions[similarity] = predictions["cosine"]
        write_predictions(predictions, folder / f"predictions/{name}.tsv")
        (folder / "models" / name).mkdir(parents=True)
        weights = {"a": np.zeros((300, 10), np.float32), "b": np.zeros(7, np.float32)}
        save_file(weights, folder / f"models/{name}/model.safetensors")
    for name in ("nli", "sts"):
        metrics = folder / f"curves/{name}/plots/metrics"
        for path, text in (
            ("dev/cosine_spearman.tsv", "step\tcosine_spearman\n5\t70.5\n10\t72.25\n12\t71\n"),
            ("train/loss.tsv", "step\tloss\n5\t0.5\n10\t0.25\n"),
        ):
            (metrics / path).parent.mkdir(parents=True)
            (metrics / path).write_text(text)
    return folder


@pytest.fixture(scope="session")
def resampled(small, project):
    predictions = {name: read_predictions(project / f"predictions/{name}.tsv") for name in small.report.rows}
    return resample(predictions, seed=small.seed, resamples=small.report.resamples)


@pytest.fixture(scope="session")
def rows(small, project, resampled):
    return gather(small, project / "predictions", project / "models", resampled)


@pytest.fixture(scope="session")
def groups(small, rows, project):
    return draw(small, rows, project / "curves")
