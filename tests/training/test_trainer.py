"""Training a tiny encoder on the sample: it learns, it keeps its best state, and it repeats to the byte."""

import pytest
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from kosbert.data.tables import read_tune
from kosbert.encoder import load
from kosbert.params import Recipe
from kosbert.training.trainer import train

DEFAULTS = {
    "init": "base",
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "warmup_ratio": 0.1,
    "dropout": 0.0,
    "eval_steps": 5,
}
STS, NLI = "tune/tune_train.tsv", "nli/train.tsv"


def run(tiny, tables, out, dev=STS, data=STS, **changes):
    recipe = Recipe(**{**DEFAULTS, "loss": "cosine", "data": data, **changes})
    return train(recipe, tiny, tables / data, tables / dev, out, seed=5, precision="fp32")


def cosine_spearman(folder, path):
    sentences1, sentences2, scores = map(list, zip(*read_tune(path), strict=True))
    evaluator = EmbeddingSimilarityEvaluator(sentences1, sentences2, scores, main_similarity="cosine")
    return 100 * evaluator(load(folder))["spearman_cosine"]


def test_the_sts_loss_learns_what_it_is_shown(tiny, tables, tmp_path):
    outcome = run(tiny, tables, tmp_path / "sts")
    assert outcome.start < 50
    assert outcome.best > 90


@pytest.mark.parametrize("loss", ["ranking", "softmax"])
def test_the_nli_losses_change_the_encoder(tiny, tables, tmp_path, loss):
    run(tiny, tables, tmp_path / "nli", data=NLI, loss=loss, epochs=1)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny, tmp_path / "nli"))
    assert before.keys() == after.keys()
    name = "encoder.layer.0.attention.self.query.weight"
    assert not before[name].equal(after[name])


def test_the_best_state_on_dev_is_the_one_that_is_saved(tiny, tables, tmp_path, capsys):
    outcome = run(tiny, tables, tmp_path / "sts", dev="tune/tune_dev.tsv", epochs=8)
    seen = [float(line.rsplit(maxsplit=1)[1]) for line in capsys.readouterr().out.splitlines() if "step" in line]
    assert seen[-1] < max(seen), "the last state is the best one, so this shows nothing: train longer"
    assert round(outcome.best, 2) == max(seen)
    assert cosine_spearman(tmp_path / "sts", tables / "tune/tune_dev.tsv") == pytest.approx(outcome.best, abs=0.01)


def test_the_same_seed_gives_the_same_bytes(tiny, tables, tmp_path):
    for name in ("one", "two"):
        run(tiny, tables, tmp_path / name, epochs=1, dropout=0.1)
    for file in sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_only_the_folder_asked_for_is_left(tiny, tables, tmp_path):
    run(tiny, tables, tmp_path / "models/sts", epochs=1)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["sts"]
