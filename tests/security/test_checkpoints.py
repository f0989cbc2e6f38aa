"""Checkpoints that somebody else has written: no code in them is run, whichever file it is in."""

import shutil

import pytest
import torch
from support.training import NLI, run

from kosbert.errors import KosbertError
from kosbert.training import checkpoints
from kosbert.training.trainer import Trainer


@pytest.fixture(scope="module")
def stopped(tiny, tables, tmp_path_factory):
    """The arguments of a training that stopped after its first checkpoint."""
    arguments = {"init": tiny, "tables": tables, "out": tmp_path_factory.mktemp("training") / "m/nli"}
    arguments |= {"loss": "softmax", "data": NLI}  # a loss that has weights of its own

    def stop(trainer, *_, **__):
        if trainer.state.global_step == 6:
            raise KeyboardInterrupt
        return original(trainer, *_, **__)

    original = Trainer.compute_loss
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "compute_loss", stop)
        with pytest.raises(KeyboardInterrupt):
            run(**arguments)
    return arguments


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "loss.pt"])
def test_code_in_a_checkpoint_is_never_run(stopped, code, name):
    (mark,) = stopped["out"].parent.rglob(checkpoints.COMPLETE)
    folder = mark.parent
    kept = shutil.copytree(folder, folder.parents[3] / "kept")
    try:
        assert (folder / name).is_file()
        torch.save({"state": code}, folder / name)
        mark.unlink()
        checkpoints.mark_complete(folder)
        with pytest.raises(KosbertError, match=r"checkpoint-5: .*delete") as error:
            run(**stopped)
        assert "\n" not in error.value.message
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
