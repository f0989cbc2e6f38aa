"""A project as the stages before the report leave it, with synthetic predictions of the sample's test pairs."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from kosbert.evaluation.scores import GOLD, read_predictions, write_predictions
from kosbert.files import weights_digest
from kosbert.metrics import Cost, write_cost
from kosbert.report.plots.gallery import draw
from kosbert.report.results import gather
from kosbert.report.significance import resample, write_resampled
from kosbert.report.slices import read_test


@pytest.fixture(scope="session")
def small(four):
    """The parameters, for the sample, with few resamples."""
    report = four.report.model_copy(update={"resamples": 1000})
    return four.model_copy(update={"dataset": "sample", "report": report})


@pytest.fixture(scope="session")
def paths(project, root, tables):
    """The files that the report is made of, as `gather` takes them."""
    return {
        "predictions": project / "predictions",
        "resampled": project / "report/resampled.json",
        "models": project / "models",
        "measured": project / "models/.costs",
        "costs": project / "metrics/costs",
        "raw": root / "data/sample",
        "train": tables / "tune/tune_train.tsv",
        "dev": tables / "tune/tune_dev.tsv",
    }


@pytest.fixture(scope="session")
def test_set(root, tables):
    return read_test(
        root / "data/sample/KorSTS/sts-test.tsv", tables / "tune/tune_train.tsv", tables / "tune/tune_dev.tsv"
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory, small, test_set):
    """A folder with predictions, their resampling, models, costs and curves; the curves of `nli_sts` are missing.

    The cost of `nli` is that of its weights; the cost of `sts` was recorded with other weights; none is known of
    `nli_sts`.
    """
    folder = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(1)
    for number, name in enumerate(small.report.rows):
        cosine = test_set[GOLD] / 5 + rng.normal(scale=0.4 - 0.1 * number, size=len(test_set))
        predictions = pd.DataFrame({GOLD: test_set[GOLD], "cosine": cosine.clip(-1, 1)})
        for similarity in ("euclidean", "manhattan", "dot"):
            predictions[similarity] = predictions["cosine"]
        write_predictions(predictions, folder / f"predictions/{name}.tsv")
        (folder / "models" / name).mkdir(parents=True)
        weights = {"a": np.zeros((300, 10), np.float32), "b": np.full(7, number, np.float32)}
        save_file(weights, folder / f"models/{name}/model.safetensors")
    for name, trained in (("nli", "nli"), ("sts", "base")):
        weights = weights_digest(folder / "models" / trained)
        cost = Cost(3007, 2.5, "fp32 on cpu, 2 threads", weights)
        write_cost(folder / f"metrics/costs/{name}.json", cost)
    for name in ("nli", "sts"):
        metrics = folder / f"curves/{name}/plots/metrics"
        for path, text in (
            ("dev/cosine_spearman.tsv", "step\tcosine_spearman\n5\t70.5\n10\t72.25\n12\t71\n"),
            ("train/loss.tsv", "step\tloss\n5\t0.5\n10\t0.25\n"),
        ):
            (metrics / path).parent.mkdir(parents=True)
            (metrics / path).write_text(text)
    predictions = {name: read_predictions(folder / f"predictions/{name}.tsv") for name in small.report.rows}
    resampled = resample(predictions, seed=small.seed, resamples=small.report.resamples)
    write_resampled(resampled, folder / "report/resampled.json")
    return folder


@pytest.fixture(scope="session")
def results(small, paths):
    return gather(small, **paths)


@pytest.fixture(scope="session")
def sections(results, project):
    return draw(results, project / "curves")
