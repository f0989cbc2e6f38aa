"""Training a tiny encoder on the sample: it learns, it keeps its best state, and it repeats to the byte."""

import csv
import json
import math
import os
import re
import subprocess

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from support import training
from support.forks import programs
from support.training import NLI, STS, run

from kosbert.data.tables import read_tune
from kosbert.encoder.calibration import read_calibration
from kosbert.encoder.encode import calibrate
from kosbert.encoder.model import load
from kosbert.errors import KosbertError
from kosbert.training import checkpoints
from kosbert.training.trainer import Trainer


def cosine_spearman(folder, path):
    sentences1, sentences2, scores = map(list, zip(*read_tune(path), strict=True))
    evaluator = EmbeddingSimilarityEvaluator(sentences1, sentences2, scores, main_similarity="cosine")
    return 100 * evaluator(load(folder))["spearman_cosine"]


@pytest.mark.parametrize(("loss", "reached"), [("cosine", 90), ("cosent", 70)])
def test_the_sts_losses_learn_what_they_are_shown(tiny, tables, tmp_path, *, loss, reached):
    outcome = run(tiny, tables, tmp_path / "sts", loss=loss)
    assert outcome.initial_dev < 50
    assert outcome.best_dev > reached


@pytest.mark.parametrize("loss", ["ranking", "softmax"])
def test_the_nli_losses_change_the_encoder(tiny, tables, tmp_path, loss):
    run(tiny, tables, tmp_path / "nli", data=NLI, loss=loss, epochs=1)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny, tmp_path / "nli"))
    assert before.keys() == after.keys()
    name = "encoder.layer.0.attention.self.query.weight"
    assert not before[name].equal(after[name])


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize(("batch_size", "epochs", "warmup_ratio"), [(500, 1, 0.1), (500, 1, 1.0), (100, 1, 1.0)])
def test_a_training_of_a_step_or_two_changes_the_model_and_says_how_short_it_is(
    tiny, tables, tmp_path, capsys, *, batch_size, epochs, warmup_ratio
):
    run(tiny, tables, tmp_path / "sts", batch_size=batch_size, epochs=epochs, warmup_ratio=warmup_ratio)
    steps = "1 step" if batch_size == 500 else "2 steps"
    assert (
        f"NOTE: this training has only {steps}; for more, lower batch_size or raise epochs" in capsys.readouterr().out
    )
    before, after = weights(tiny), weights(tmp_path / "sts")
    assert any(not before[name].equal(after[name]) for name in before)


def test_a_longer_training_says_nothing_of_its_length(tiny, tables, tmp_path, capsys):
    run(tiny, tables, tmp_path / "sts", epochs=1)  # 13 steps
    assert "NOTE" not in capsys.readouterr().out


def test_the_model_carries_what_its_cosines_mean(tiny, tables, tmp_path):
    run(tiny, tables, tmp_path / "sts", dev="tune/tune_dev.tsv")
    calibration = read_calibration(tmp_path / "sts")
    assert calibration == calibrate(load(tmp_path / "sts"), read_tune(tables / "tune/tune_dev.tsv"), bf16=False)
    assert calibration.pairs == 60


def test_the_best_state_on_dev_is_the_one_that_is_saved(tiny, tables, tmp_path, capsys):
    outcome = run(tiny, tables, tmp_path / "sts", dev="tune/tune_dev.tsv", epochs=8)
    seen = [float(score) for score in re.findall(r"step.*Spearman ([\d.]+)", capsys.readouterr().out)]
    assert seen[-1] < max(seen), "the last state is the best one, so this shows nothing: train longer"
    assert round(outcome.best_dev, 2) == max(seen)
    assert cosine_spearman(tmp_path / "sts", tables / "tune/tune_dev.tsv") == pytest.approx(outcome.best_dev, abs=0.01)


def test_the_average_of_the_last_states_and_the_start_is_saved(tiny, tables, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "remove", lambda _: None)
    outcome = run(tiny, tables, tmp_path / "sts", average={"states": 2, "init": 0.4})
    states = {int(path.parent.name.split("-")[1]): path.parent for path in tmp_path.rglob(checkpoints.COMPLETE)}
    parts = [load_file(states[step] / "model.safetensors") for step in sorted(states)[-2:]]
    start, saved = (load_file(folder / "model.safetensors") for folder in (tiny, tmp_path / "sts"))
    for name, weights in saved.items():
        torch.testing.assert_close(weights, 0.3 * parts[0][name] + 0.3 * parts[1][name] + 0.4 * start[name])
    assert cosine_spearman(tmp_path / "sts", tables / STS) == pytest.approx(outcome.best_dev, abs=0.01)
    assert f"average of 2 states and the start: dev cosine Spearman {outcome.best_dev:.2f}" in capsys.readouterr().out


def test_several_runs_are_averaged_each_with_a_seed_of_its_own(tiny, tables, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "remove", lambda _: None)
    run(tiny, tables, tmp_path / "both/sts", average={"runs": 2, "states": 2, "init": 0.4})
    assert "run 2 of 2, with the seed 1005\n" in capsys.readouterr().out
    assert len(list((tmp_path / "both").rglob("*.tsv"))) == 3, "curves: those of the first run"
    for name, seed in (("one", 5), ("other", 1005)):
        run(tiny, tables, tmp_path / name / "sts", seed=seed, average={"states": 2, "init": 0.4})
    one, other, both = (load_file(tmp_path / name / "sts/model.safetensors") for name in ("one", "other", "both"))
    assert any(not weights.equal(other[name]) for name, weights in one.items())
    for name, weights in both.items():
        torch.testing.assert_close(weights, (one[name] + other[name]) / 2)


def test_the_best_recipe_learns(tiny, tables, tmp_path, chosen):
    small = {"data": STS, "batch_size": 16, "learning_rate": 5e-3, "eval_steps": 13}
    real = {key: value for key, value in chosen.recipes["best"].model_dump().items() if key not in {"init", *small}}
    outcome = run(tiny, tables, tmp_path / "best", **real, **small)
    assert outcome.initial_dev < 50
    assert outcome.best_dev > 65


@pytest.fixture
def seen(monkeypatch):
    """Of each batch, in its order, the table that it comes from, and whether its examples have labels."""
    seen, original = [], Trainer.compute_loss

    def noted(trainer, model, inputs, **rest):
        seen.append((inputs["dataset_name"], "label" in inputs))
        return original(trainer, model, inputs, **rest)

    monkeypatch.setattr(Trainer, "compute_loss", noted)
    return seen


def test_a_recipe_over_several_tables_learns_from_each_in_turn(tiny, tables, tmp_path, seen, capsys):
    outcome = run(tiny, tables, tmp_path / "both", data=".", loss={NLI: "ranking", STS: "cosent"})
    assert seen[:4] == [("nli/train_tsv", False), ("tune/tune_train_tsv", True)] * 2
    assert outcome.best_dev > outcome.initial_dev
    assert re.search(
        r"^\d+ examples of nli/train.tsv, ranking loss; 200 examples of tune/\S+, cosent loss, fp32",
        capsys.readouterr().out,
    )


def test_all_batches_come_at_random_and_of_a_table_with_a_share_that_part_of_its_examples(tiny, tables, tmp_path, seen):
    mixed = {"loss": {NLI: "ranking", STS: "cosent"}, "turns": "all", "shares": {STS: 0.3}, "epochs": 2}
    run(tiny, tables, tmp_path / "mixed", data=".", batch_size=8, **mixed)
    epochs = [[name.split("/")[0] for name, _ in seen[start : start + 13]] for start in (0, 13)]
    assert len(seen) == 26
    assert [sorted(epoch) for epoch in epochs] == [["nli"] * 5 + ["tune"] * 8] * 2, "40 triplets; 60 of 200 pairs"
    assert epochs[0] != epochs[1]
    assert epochs[0] not in (sorted(epochs[0]), sorted(epochs[0])[::-1])


def test_runs_may_differ_and_each_has_its_weight(tiny, tables, tmp_path, capsys):
    shared = {"states": 2, "init": 0.4}
    ranked = {"loss": "cosent", "epochs": 3}
    run(tiny, tables, tmp_path / "both/sts", average={"runs": [{"weight": 3.0}, ranked], **shared})
    assert re.findall(r"(\w+) loss", capsys.readouterr().out) == ["cosine", "cosent"]
    run(tiny, tables, tmp_path / "one/sts", average=shared)
    run(tiny, tables, tmp_path / "other/sts", seed=1005, average=shared, **ranked)
    one, other, both = (load_file(tmp_path / name / "sts/model.safetensors") for name in ("one", "other", "both"))
    for name, weights in both.items():
        torch.testing.assert_close(weights, 0.75 * one[name] + 0.25 * other[name])


def test_of_several_dev_sets_the_mean_score_decides_and_the_calibration_knows_all(tiny, tables, tmp_path, capsys):
    dev = {"dev": "tune/tune_dev.tsv", "extra_dev": {"other": "tune/tune_test.tsv"}}
    outcome = run(tiny, tables, tmp_path / "sts", **dev)
    own, other = (cosine_spearman(tmp_path / "sts", tables / f"tune/tune_{name}.tsv") for name in ("dev", "test"))
    assert outcome.best_dev == pytest.approx((own + other) / 2, abs=0.01)
    assert f"dev cosine Spearman {outcome.best_dev:.2f} (sts {own:.2f}, other {other:.2f})" in capsys.readouterr().out
    assert read_calibration(tmp_path / "sts").pairs == 120


def test_a_folder_stands_for_all_its_tables_and_a_table_that_is_missing_is_named(tiny, tables, tmp_path, capsys):
    folder = tmp_path / "scored"
    folder.mkdir()
    for name in ("ours", "theirs"):
        (folder / f"{name}.tsv").write_bytes((tables / STS).read_bytes())
    run(tiny, folder, tmp_path / "all", data=".", dev=tables / STS, epochs=1)
    assert "200 examples of ours.tsv, cosine loss; 200 examples of theirs.tsv, cosine loss" in capsys.readouterr().out
    with pytest.raises(KosbertError, match=r"scored/mine\.tsv: the recipe names this table, .* ours\.tsv, theirs\.tsv"):
        run(tiny, folder, tmp_path / "none", data=".", dev=tables / STS, loss={"mine.tsv": "cosine"})


def test_the_same_seed_gives_the_same_bytes(tiny, tables, tmp_path):
    for name in ("one", "two"):
        run(tiny, tables, tmp_path / name, epochs=1, dropout=0.1)
    for file in sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_only_the_folder_asked_for_is_left_and_no_library_shows_a_bar(tiny, tables, tmp_path, capsys):
    run(tiny, tables, tmp_path / "models/sts", epochs=1)
    assert capsys.readouterr().err == ""
    assert [path.name for path in (tmp_path / "models").iterdir() if path.name != "curves"] == ["sts"]


def test_the_curves_hold_every_dev_score(tiny, tables, tmp_path, capsys):
    outcome = run(tiny, tables, tmp_path / "sts", epochs=1)
    with (tmp_path / "curves/plots/metrics/dev/cosine_spearman.tsv").open(encoding="utf-8") as file:
        points = [(int(row["step"]), float(row["cosine_spearman"])) for row in csv.DictReader(file, delimiter="\t")]
    said = re.findall(r"step (\d+)/.*Spearman ([\d.]+)", capsys.readouterr().out)
    assert [(step, round(score, 2)) for step, score in points] == [(int(step), float(score)) for step, score in said]
    assert max(score for _, score in points) == pytest.approx(outcome.best_dev)
    assert (tmp_path / "curves/plots/metrics/train/loss.tsv").is_file()


@pytest.mark.parametrize(("loss", "data"), [("cosine", STS), ("ranking", NLI)])
def test_a_batch_in_parts_learns_what_the_whole_batch_does(tiny, tables, tmp_path, capsys, *, loss, data):
    whole, parts = (
        run(tiny, tables, tmp_path / str(size), data=data, loss=loss, epochs=1, training={"mini_batch_size": size})
        for size in (None, 4)
    )
    # The ranking loss has the very same batches; for the others, those of like length are smaller.
    assert parts.best_dev == pytest.approx(whole.best_dev, abs=0.05 if loss == "ranking" else 3)
    first, second = re.split("(?<=start)", capsys.readouterr().out)[1:]
    assert re.findall(r"step \d+/\d+", first) == re.findall(r"step \d+/\d+", second), "as many optimiser steps"


def test_a_batch_that_cannot_be_split_is_one_line(tiny, tables, tmp_path):
    with pytest.raises(KosbertError, match=r"batch_size 16 cannot be split evenly: .*mini_batch_size 5"):
        run(tiny, tables, tmp_path / "sts", training={"mini_batch_size": 5})


def test_fp16_without_a_gpu_is_one_line(tiny, tables, tmp_path):
    with pytest.raises(KosbertError, match=r"fp16.*needs a GPU"):
        run(tiny, tables, tmp_path / "sts", training={"precision": "fp16"})


@pytest.mark.parametrize("average", [None, {"states": 2, "init": 0.4}], ids=["best state", "average"])
def test_a_training_that_diverges_is_one_line_and_leaves_nothing_to_resume_from(tiny, tables, tmp_path, average):
    with pytest.raises(KosbertError, match=r"training diverged: .*learning_rate \(1e\+30\)"):
        run(tiny, tables, tmp_path / "out/sts", learning_rate=1e30, average=average)
    assert not list((tmp_path / "out").rglob("checkpoint-*"))
    assert not (tmp_path / "out/sts").exists()


def test_an_average_with_a_state_that_has_diverged_is_refused(tiny, tables, tmp_path, monkeypatch, capsys):
    def late(trainer, *arguments, **rest):
        loss = original(trainer, *arguments, **rest)
        return loss if trainer.state.global_step < 12 else loss * math.nan

    original = Trainer.compute_loss
    monkeypatch.setattr(Trainer, "compute_loss", late)
    with pytest.raises(KosbertError, match=r"training diverged: .*learning_rate \(0\.005\)"):
        run(tiny, tables, tmp_path / "out/sts", average={"states": 2, "init": 0.4})
    assert not math.isnan(dev_scores(capsys.readouterr().out)[10]), "there was a best state"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["curves"]


def test_too_little_memory_on_a_gpu_is_one_line_that_says_what_to_lower(tiny, tables, tmp_path, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it.")

    monkeypatch.setattr(Trainer, "compute_loss", full)
    with pytest.raises(KosbertError, match=r"^the GPU is out of memory.*mini_batch_size"):
        run(tiny, tables, tmp_path / "sts")


def by_training(output):
    return re.split("(?m)^start:", output)[1:]


def dev_scores(output):
    return {int(step): float(score) for step, score in re.findall(r"step (\d+)/.*Spearman ([\d.]+)", output)}


def test_two_processes_train_what_one_does_and_one_of_them_writes(tiny, tables, tmp_path, capsys):
    # All batches are full: one that is not cannot be shared evenly, and is left out.
    shared = {"batch_size": 8, "epochs": 1, "eval_steps": 5, "learning_rate": 1e-3}
    learnt = {"cosine": STS, "ranking": NLI, "softmax": NLI}
    recipes = {loss: {"loss": loss, "data": data, **shared} for loss, data in learnt.items()}
    recipes["cosine"]["average"] = {"runs": 2, "states": 1, "init": 0.2}  # of the dev scores those of the second count
    for loss, recipe in recipes.items():
        run(tiny, tables, tmp_path / "alone" / loss, **recipe)
    alone = capsys.readouterr().out
    where = {loss: {"init": str(tiny), "tables": str(tables), "out": str(tmp_path / loss / "two")} for loss in recipes}
    torchrun = [programs(os.environ) / "torchrun", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(  # all of them in one, for starting two processes takes long
        [*torchrun, training.__file__, json.dumps([where[loss] | recipes[loss] for loss in recipes])],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    for one, two in zip(by_training(alone), by_training(done.stdout), strict=True):  # and one process alone speaks
        assert dev_scores(two) == pytest.approx(dev_scores(one), abs=0.1)
    for loss in recipes:
        assert sorted(path.name for path in (tmp_path / loss).iterdir()) == ["curves", "two"]


def test_a_tracker_gets_what_the_curves_get(tiny, tables, tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "runs"))
    run(tiny, tables, tmp_path / "plain", epochs=1)
    run(tiny, tables, tmp_path / "tracked", epochs=1, training={"report_to": ["dvclive", "tensorboard"]})
    (events,) = (tmp_path / "runs").iterdir()
    logged = events.read_bytes()
    assert b"train/loss" in logged
    assert b"eval/dev_spearman_cosine" in logged
    plain, tracked = weights(tmp_path / "plain"), weights(tmp_path / "tracked")
    assert all(plain[name].equal(tracked[name]) for name in plain)


def test_a_tracker_that_is_not_installed_is_named_before_training(tiny, tables, tmp_path):
    with pytest.raises(KosbertError) as refusal:
        run(tiny, tables, tmp_path / "out", training={"report_to": "wandb"})
    assert refusal.value.message == "training.report_to: wandb is not installed; pip install wandb"
    assert not (tmp_path / "out").exists()


def test_a_tracker_that_fails_is_one_line(tiny, tables, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "file/runs"))
    with pytest.raises(KosbertError, match=r"^training\.report_to: tensorboard failed: .*file.*; set it up, or leave"):
        run(tiny, tables, tmp_path / "out", training={"report_to": ["tensorboard"]})
