"""The recipe `best` runs like any, and with both objectives in turn on all tables, as docs/train.md has it."""

import re
import shlex

import pytest
from support.project import made_small

# The command there is for a GPU: what makes it small, as `made_small` does it.
SMALLER = {
    "dataset": "sample",
    "base_model": "scratch",
    "recipes.best.epochs": "2",
    "recipes.best.batch_size": "16",
    "recipes.best.learning_rate": "1e-3",
    "recipes.best.eval_steps": "5",
}


@pytest.fixture(scope="module")
def project(root, tmp_path_factory):
    project = made_small(root, tmp_path_factory.mktemp("best") / "project", best=True)
    project.fork()
    return project


def test_best_full_learns_from_both_tables_in_turn(project, root):
    page = (root / "docs/train.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^dvc exp run [^`]*evaluate@best$", page, flags=re.MULTILINE)
    words = shlex.split(command.replace("\\\n", ""))
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    assert settings.keys() >= SMALLER.keys()
    flags = [part for key, value in (settings | SMALLER).items() for part in ("-S", f"{key}={value}")]
    log = project.run(*words[:3], *flags, words[-1])
    assert "40 examples of nli/train.tsv, ranking loss; 200 examples of tune/tune_train.tsv, cosine loss" in log
    assert "step 12/12" in log, "as many batches of each as the smaller table has"
    card = (project.folder / "models/best/README.md").read_text(encoding="utf-8")
    assert "`data/nli/train.tsv`, multiple negatives" in card
    assert "in turn with `data/tune/tune_train.tsv`, squared error" in card
