"""A project as the stages before the report leave it, with synthetic predictions of the sample's test pairs."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from kosbert.evaluation.scores import (
    GOLD,
    prediction_files,
    read_predictions,
    write_predictions,
    write_predictions_of,
)
from kosbert.files import weights_digest
from kosbert.metrics import SIMILARITIES, Cost, write_cost, write_dimensions
from kosbert.report.plots.gallery import draw
from kosbert.report.results import gather
from kosbert.report.significance import resample, write_resampled
from kosbert.report.slices import read_test


@pytest.fixture(scope="session")
def small(four):
    """The parameters, for the sample with the extra test set of KorNLU, with few resamples; `sts` has seen that set."""
    report = four.report.model_copy(update={"resamples": 1000})
    sample = four.datasets["sample"]
    splits = sample.sts.model_copy(update={"extra": four.datasets["kornlu"].sts.extra})
    seen = four.recipes["sts"].model_copy(update={"data": "data/scored/klue.tsv"})
    return four.model_copy(
        update={
            "dataset": "sample",
            "report": report,
            "datasets": four.datasets | {"sample": sample.model_copy(update={"sts": splits})},
            "recipes": four.recipes | {"sts": seen},
        }
    )


@pytest.fixture(scope="session")
def paths(project, root, tables):
    """The files that the report is made of, as `gather` takes them."""
    return {
        "predictions": project / "predictions",
        "resampled": project / "report/resampled.json",
        "dimensions": project / "metrics/dimensions",
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


def predict(gold, spread, rng):
    cosine = (gold.to_numpy() / 5 + rng.normal(scale=spread, size=len(gold))).clip(-1, 1)
    return pd.DataFrame({GOLD: gold.to_numpy()} | dict.fromkeys(SIMILARITIES, cosine))


@pytest.fixture(scope="session")
def project(tmp_path_factory, small, test_set):
    """A folder with predictions, their resampling, models, costs and curves; the curves of `nli_sts` are missing.

    The cost of `nli` is that of its weights; the cost of `sts` was recorded with other weights; none is known of
    `nli_sts`.
    """
    folder = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(1)
    for number, name in enumerate(small.report.rows):
        write_predictions(predict(test_set[GOLD], 0.4 - 0.1 * number, rng), folder / f"predictions/{name}.tsv")
        extra = predict(test_set[GOLD][::-1], 0.3, rng)
        write_predictions_of({"klue": extra}, folder / f"predictions/extra/{name}")
        dimensions = {"sts": {384: 80.0 + number, 64: 70.5}, "klue": {384: 90.25, 64: 85.0 + number}}
        write_dimensions(folder / f"metrics/dimensions/{name}.json", dimensions)
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
    draws = {"seed": small.seed, "resamples": small.report.resamples}
    resampled = {
        name: resample({row: read_predictions(path) for row, path in files.items()}, **draws)
        for name, files in prediction_files(folder / "predictions", [*small.report.rows], own="sts").items()
    }
    write_resampled(resampled, folder / "report/resampled.json")
    return folder


@pytest.fixture(scope="session")
def results(small, paths):
    return gather(small, **paths)


@pytest.fixture(scope="session")
def gallery(results, project):
    return draw(results, project / "curves")
