"""Train a tiny encoder on the sample: here, or in a process of its own with `python training.py '[<arguments>, …]'`."""

import json
import sys
from pathlib import Path

from kosbert.params import Recipe, Training
from kosbert.training.train import train

STS, NLI = "tune/tune_train.tsv", "nli/train.tsv"
RECIPE = {
    "init": "base",
    "data": STS,
    "loss": "cosine",
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "warmup_ratio": 0.1,
    "dropout": 0.0,
    "eval_steps": 5,
}
TRAINING = {"launch": "python", "precision": "fp32", "mini_batch_size": None}


def recipe(**changes):
    return Recipe(**{**RECIPE, **changes})


def run(init, tables, out, *, dev=STS, extra_dev=None, training=None, seed=5, check=lambda: None, **changes):
    """Train `init` on the tables of a folder; the curves lie beside `out`."""
    wanted = recipe(**changes)
    return train(
        wanted,
        Path(init),
        Path(tables, wanted.data),
        {"sts": Path(tables, dev), **{name: Path(tables, path) for name, path in (extra_dev or {}).items()}},
        Path(out),
        card="the card",
        curves=Path(out).parent / "curves",
        training=Training(**{**TRAINING, **(training or {})}),
        seed=seed,
        counting=["sts", *(extra_dev or {})],
        check=check,
    )


if __name__ == "__main__":
    for arguments in json.loads(sys.argv[1]):
        run(**arguments)
