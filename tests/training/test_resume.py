"""A training that is killed resumes where it was, to the same bytes; other trainings take no notice of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import training
from support.forks import programs
from support.rot import flip
from support.training import NLI, STS, run

from kosbert.errors import KosbertError
from kosbert.files import weights_digest
from kosbert.training import checkpoints
from kosbert.training.trainer import Trainer

SOFTMAX = {"loss": "softmax", "data": NLI, "epochs": 2, "dropout": 0.1}  # a loss that has weights of its own
IN_TURN = {"loss": {NLI: "softmax", STS: "cosent"}, "data": ".", "average": {"runs": 2, "states": 2, "init": 0.2}}


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def killed(arguments, *after):
    """Train in a process of its own, and kill it as soon as it has said all that is in `after`, one after another."""
    command = [
        programs(os.environ) / "python",
        "-u",
        training.__file__,
        json.dumps([{k: str(v) if isinstance(v, Path) else v for k, v in arguments.items()}]),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for words in after:
            assert any(words in line for line in process.stdout)
        process.kill()
        process.stdout.read()  # to its end, for a fork outlives its caller by a moment
    assert process.returncode == -9, "it ended before it was killed"


@pytest.mark.parametrize(
    ("recipe", "after"),
    [(SOFTMAX, ["step 10/"]), (IN_TURN, ["step 10/"]), (IN_TURN, ["run 2", "step 10/"])],
    ids=["softmax", "in turn", "in turn, second run"],
)
def test_a_killed_training_resumes_to_the_same_bytes(tiny, tables, tmp_path, capsys, *, recipe, after):
    undisturbed = run(tiny, tables, tmp_path / "a/model", **recipe)
    arguments = {"init": tiny, "tables": tables, "out": tmp_path / "b/model", **recipe}
    killed(arguments, *after)
    capsys.readouterr()
    outcome = run(**arguments)
    assert "resuming from" in capsys.readouterr().out
    assert outcome == undisturbed
    assert undisturbed.cost.weights == weights_digest(tmp_path / "a/model")
    assert outcome.cost is None, "how long the whole of it took is not known"
    for name in ("model", "curves"):
        assert contents(tmp_path / "b" / name) == contents(tmp_path / "a" / name)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["curves", "model"]


@pytest.fixture
def stopped(tiny, tables, tmp_path, monkeypatch):
    """The arguments of a training that stopped between its second checkpoint and its third."""
    arguments = {"init": tiny, "tables": tables, "out": tmp_path / "m/sts"}

    def stop(trainer, *_, **__):
        if trainer.state.global_step == 12:
            raise KeyboardInterrupt
        return original(trainer, *_, **__)

    original = Trainer.compute_loss
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "compute_loss", stop)
        with pytest.raises(KeyboardInterrupt):
            run(**arguments)
    return arguments


@pytest.fixture(scope="module")
def undisturbed(tiny, tables, tmp_path_factory):
    """What the training of `stopped` comes to."""
    out = tmp_path_factory.mktemp("undisturbed") / "sts"
    run(tiny, tables, out)
    return out


def found(arguments, capsys, **changes):
    capsys.readouterr()
    run(**{**arguments, **changes})
    return "resuming from" in capsys.readouterr().out


def test_other_parameters_seeds_or_data_begin_anew(stopped, tables, tmp_path, capsys):
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "m", kept)
    changed = tmp_path / "data"
    shutil.copytree(tables, changed)
    with (changed / STS).open("a", encoding="utf-8") as file:
        file.write("하나\t둘\t1.0\n")
    for changes in ({"seed": 6}, {"learning_rate": 4e-3}, {"tables": changed}):
        shutil.rmtree(tmp_path / "m")
        shutil.copytree(kept, tmp_path / "m")
        assert not found(stopped, capsys, **changes), changes
    shutil.rmtree(tmp_path / "m")
    shutil.copytree(kept, tmp_path / "m")
    assert found(stopped, capsys)


def test_checkpoints_depend_on_the_code_that_dvc_says_a_training_depends_on(root):
    deps = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"]["deps"]
    code = {dep.removeprefix("src/kosbert/") for dep in deps if dep.startswith("src/")}
    assert code - {*checkpoints.CODE} == {"command.py", "stage"}, "what all commands and stages share decides nothing"
    assert {*checkpoints.CODE} <= code


def test_an_edit_of_other_code_keeps_the_checkpoints(tmp_path, monkeypatch):
    def edited(file):
        with (tmp_path / "kosbert" / file).open("a", encoding="utf-8") as code:
            code.write("# edited\n")
        return checkpoints.checkpoint_dir(tmp_path / "model", checkpoints.decisive({}, {}))

    shutil.copytree(checkpoints.PACKAGE, tmp_path / "kosbert")
    monkeypatch.setattr(checkpoints, "PACKAGE", tmp_path / "kosbert")
    before = checkpoints.checkpoint_dir(tmp_path / "model", checkpoints.decisive({}, {}))
    for file in ("apps/search.py", "commands/search.py", "cli.py"):
        assert edited(file) == before
    after = [edited(file) for file in ("training/losses.py", "encoder/model.py", "data/tables.py", "errors.py")]
    assert len({before, *after}) == 5


def checkpoints_in(folder):
    return {path.parent.name: path.parent for path in folder.rglob(checkpoints.COMPLETE)}


def cut(file):
    os.truncate(file, 100)


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        *((name, flip, True) for name in ("optimizer.pt", "scheduler.pt", "model.safetensors", checkpoints.COMPLETE)),
        ("rng_state.pth", cut, True),
        ("tokenizer.json", Path.unlink, True),
        (checkpoints.COMPLETE, Path.unlink, False),  # it was never finished
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    stopped, undisturbed, tmp_path, capsys, *, name, damage, told
):
    found = checkpoints_in(tmp_path / "m")
    assert set(found) == {"checkpoint-5", "checkpoint-10"}
    damage(found["checkpoint-10"] / name)
    capsys.readouterr()
    run(**stopped)
    said = capsys.readouterr().out
    assert len([line for line in said.splitlines() if "checkpoint-10: this checkpoint is damaged" in line]) == told
    assert re.search(r"resuming from .*checkpoint-5$", said, flags=re.M)
    assert contents(tmp_path / "m/sts") == contents(undisturbed)


def test_what_came_after_a_damaged_checkpoint_is_trained_again(tiny, tables, tmp_path, capsys, monkeypatch):
    """An average needs the states in between, and a run that is resumed after them would not make them again."""
    recipe = {"init": tiny, "tables": tables, "average": {"runs": 1, "states": 3, "init": 0.2}}
    undisturbed = run(out=tmp_path / "a/sts", **recipe)
    with monkeypatch.context() as patch:
        patch.setattr("kosbert.training.train.load_average", lambda *_: sys.exit(1))
        with pytest.raises(SystemExit):
            run(out=tmp_path / "b/sts", **recipe)
    found = sorted(checkpoints_in(tmp_path / "b").values(), key=lambda path: int(path.name.rpartition("-")[2]))
    flip(found[-2] / "model.safetensors")
    capsys.readouterr()
    assert run(out=tmp_path / "b/sts", **recipe) == undisturbed
    assert f"{found[-2].name}: this checkpoint is damaged" in capsys.readouterr().out
    assert contents(tmp_path / "b/sts") == contents(tmp_path / "a/sts")


def test_a_state_that_is_damaged_before_it_is_averaged_ends_in_one_line(tiny, tables, tmp_path, monkeypatch):
    original = Trainer.fit

    def fit(trainer, checkpoint):
        best = original(trainer, checkpoint)
        flip(max(Path(trainer.args.output_dir).glob("*/optimizer.pt")))
        return best

    monkeypatch.setattr(Trainer, "fit", fit)
    with pytest.raises(KosbertError, match=r"this checkpoint is damaged: optimizer.pt") as error:
        run(tiny, tables, tmp_path / "m/sts", average={"runs": 1, "states": 4, "init": 0.2})
    assert "\n" not in error.value.message
    assert not (tmp_path / "m/sts").exists()


def test_a_training_whose_result_is_not_wanted_after_all_keeps_its_checkpoints(tiny, tables, tmp_path, capsys):
    """As when its code was edited meanwhile: if the edit is taken back, the result is there at once."""

    def refuse():
        raise KosbertError("changed")

    arguments = {"init": tiny, "tables": tables, "out": tmp_path / "m/sts"}
    with pytest.raises(KosbertError, match="changed"):
        run(**arguments, check=refuse)
    assert not (tmp_path / "m/sts").exists()
    assert found(arguments, capsys)


def test_a_full_disk_is_one_line_and_the_checkpoint_before_stays(tiny, tables, tmp_path, monkeypatch, capsys):
    original = Trainer._save_rng_state

    def full(trainer, folder):
        if trainer.state.global_step == 10:
            raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed\nbacktrace")
        original(trainer, folder)

    arguments = {"init": tiny, "tables": tables, "out": tmp_path / "m/sts"}
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_rng_state", full)
        with pytest.raises(
            KosbertError, match=r"checkpoint-10: this checkpoint could not be written: .*free some space"
        ) as error:
            run(**arguments)
    assert "\n" not in str(error.value.message)
    assert [path.parent.name for path in (tmp_path / "m").rglob(checkpoints.COMPLETE)] == ["checkpoint-5"]
    assert found(arguments, capsys)
