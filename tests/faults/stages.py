"""The stages of dvc.yaml as the fault matrix knows them: what each reads, and when a signal strikes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    `inputs` are files it reads, one of each kind, the first being the main one. `module` is one of the package that it
    uses. A signal strikes as the stage puts the `strike`-th of its files in place. `parents` are the folders that it
    makes files and folders in.
    """

    name: str
    inputs: tuple[str, ...]
    module: str
    parents: tuple[str, ...]
    strike: int = 1
    web: bool = False  # it may use the network

    @property
    def code(self) -> tuple[str, ...]:
        """A file of its code of each kind: its script, and the module."""
        return f"stages/{self.name.partition('@')[0]}.py", f"src/kosbert/{self.module}"


STAGES = (
    Stage("download", ("data/sample/KorSTS/sts-train.tsv",), "data/download.py", ("data",), strike=2, web=True),
    Stage(
        "prepare",
        ("data/raw/KorSTS/sts-train.tsv", "data/raw/KorNLI/nli.train.ko.tsv"),
        "data/prepare.py",
        ("data",),
        strike=2,
    ),
    Stage("base_model", ("data/nli/train.tsv", "data/tune/tune_train.tsv"), "base/scratch.py", ("models",)),
    # The tables put two files in place, and each checkpoint one: the second is struck, so that one is whole.
    Stage(
        "train@sts",
        ("models/base/model.safetensors", "models/base/tokenizer.json", "data/tune/tune_train.tsv"),
        "training/trainer.py",
        ("models",),
        strike=4,
    ),
    Stage(
        "evaluate@sts",
        ("models/sts/model.safetensors", "models/sts/config.json", "data/tune/tune_test.tsv"),
        "evaluation/scores.py",
        ("metrics", "predictions"),
    ),
    Stage("resample", ("predictions/sts.tsv",), "report/resampling.py", ("report",)),
    Stage(
        "report",
        (
            "predictions/sts.tsv",
            "report/resampled.json",
            "models/sts/model.safetensors",
            "curves/sts/plots/metrics/dev/cosine_spearman.tsv",
            "data/raw/KorSTS/sts-test.tsv",
            "data/tune/tune_dev.tsv",
        ),
        "report/table.py",
        ("metrics", "report"),
        strike=2,
    ),
)
