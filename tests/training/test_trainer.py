"""Training a tiny encoder on the sample: it learns, it keeps its best state, and it repeats to the byte."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from support import training
from support.training import NLI, STS, run

from kosbert.data.tables import read_tune
from kosbert.encoder import load
from kosbert.errors import KosbertError


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
    seen = [float(score) for score in re.findall(r"step.*Spearman ([\d.]+)", capsys.readouterr().out)]
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
    assert [path.name for path in (tmp_path / "models").iterdir() if path.name != "curves"] == ["sts"]


def test_the_curves_hold_every_dev_score(tiny, tables, tmp_path, capsys):
    outcome = run(tiny, tables, tmp_path / "sts", epochs=1)
    with (tmp_path / "curves/plots/metrics/dev/cosine_spearman.tsv").open(encoding="utf-8") as file:
        points = [(int(row["step"]), float(row["cosine_spearman"])) for row in csv.DictReader(file, delimiter="\t")]
    said = re.findall(r"step (\d+)/.*Spearman ([\d.]+)", capsys.readouterr().out)
    assert [(step, round(score, 2)) for step, score in points] == [(int(step), float(score)) for step, score in said]
    assert max(score for _, score in points) == pytest.approx(outcome.best)
    assert (tmp_path / "curves/plots/metrics/train/loss.tsv").is_file()


@pytest.mark.parametrize(("loss", "data"), [("cosine", STS), ("ranking", NLI)])
def test_a_batch_in_parts_learns_what_the_whole_batch_does(tiny, tables, tmp_path, capsys, *, loss, data):
    whole, parts = (
        run(tiny, tables, tmp_path / str(size), data=data, loss=loss, epochs=1, training={"mini_batch_size": size})
        for size in (None, 4)
    )
    # The ranking loss has the very same batches; for the others, those of like length are smaller.
    assert parts.best == pytest.approx(whole.best, abs=0.05 if loss == "ranking" else 3)
    first, second = re.split("(?<=start)", capsys.readouterr().out)[1:]
    assert re.findall(r"step \d+/\d+", first) == re.findall(r"step \d+/\d+", second), "as many optimiser steps"


def test_a_batch_that_cannot_be_split_is_one_line(tiny, tables, tmp_path):
    with pytest.raises(KosbertError, match=r"batch_size 16 cannot be split evenly: .*mini_batch_size 5"):
        run(tiny, tables, tmp_path / "sts", training={"mini_batch_size": 5})


def test_fp16_without_a_gpu_is_one_line(tiny, tables, tmp_path):
    with pytest.raises(KosbertError, match=r"fp16.*needs a GPU"):
        run(tiny, tables, tmp_path / "sts", training={"precision": "fp16"})


def dev_scores(output):
    return {int(step): float(score) for step, score in re.findall(r"step (\d+)/.*Spearman ([\d.]+)", output)}


@pytest.mark.parametrize(("loss", "data"), [("cosine", STS), ("ranking", NLI), ("softmax", NLI)])
def test_two_processes_train_what_one_does_and_one_of_them_writes(tiny, tables, tmp_path, capsys, *, loss, data):
    # All batches are full: one that is not cannot be shared evenly, and is left out.
    changes = {"data": data, "loss": loss, "batch_size": 8, "epochs": 1, "eval_steps": 5, "learning_rate": 1e-3}
    run(tiny, tables, tmp_path / "alone", **changes)
    alone = dev_scores(capsys.readouterr().out)
    arguments = {"init": str(tiny), "tables": str(tables), "out": str(tmp_path / "m/two"), **changes}
    torchrun = [Path(sys.executable).parent / "torchrun", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, training.__file__, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert dev_scores(done.stdout) == pytest.approx(alone, abs=0.1)
    assert done.stdout.count("start:") == 1, "one process speaks"
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["curves", "two"]
