"""A sweep as the README has it: a queue of experiments, their table, and mean and spread over seeds."""

import io
import re

import pandas as pd
import pytest
from support.project import made_small


@pytest.fixture(scope="module")
def swept(root, tmp_path_factory):
    """Two seeds with two sizes of the base; of `sts` there are only the figures from before the sweep."""
    project = made_small(root, tmp_path_factory.mktemp("sweep") / "project")  # experiments fail under Korean letters
    project.run("dvc", "repro", "evaluate@base", "evaluate@sts")
    project.git("add", ".")
    project.git("commit", "-q", "-m", "run")
    settings = ("-S", "seed=range(1,3)", "-S", "base_models.scratch.layers=1,2")
    project.run("dvc", "exp", "run", "--queue", *settings, "evaluate@base")
    assert "no finished experiment began at HEAD (4 others did)" in project.run("kosbert", "spread", expect=1)
    project.run("dvc", "exp", "run", "--run-all")
    return project


@pytest.fixture(scope="module")
def shown(swept):
    """DVC's own table of the experiments."""
    table = pd.read_csv(io.StringIO(swept.run("dvc", "exp", "show", "--csv", "--precision", "9")))
    return table[table["State"] == "Success"]


@pytest.mark.parametrize("figure", ["cosine_spearman", "dot_pearson"])
def test_mean_and_spread_over_seeds_are_those_of_dvcs_own_table(swept, shown, figure):
    said = swept.run("kosbert", "spread", "--figure", figure)
    grouped = shown.groupby("base_models.scratch.layers")[f"metrics/base.json:{figure}"]
    expected = [("base", str(layers), "2", f"{draws.mean():.2f}", f"{draws.std():.2f}") for layers, draws in grouped]
    assert re.findall(r"^\| (\w+) +\| +(\d) \| +(\d) \| +(\S+) \| +(\S+) \|$", said, flags=re.MULTILINE) == expected
    assert shown[f"metrics/base.json:{figure}"].nunique() == 4


def test_figures_from_before_the_sweep_are_not_counted(swept, shown):
    assert shown["metrics/sts.json:cosine_spearman"].nunique() == 1, "DVC shows them"
    assert "sts" not in swept.run("kosbert", "spread")


def test_the_readmes_table_shows_what_varies_and_nothing_else(swept, root):
    sweeps = (root / "README.md").read_text(encoding="utf-8").split("### Sweeps")[1]
    (command,) = re.findall(r"^dvc exp show .*$", sweeps, flags=re.MULTILINE)
    header = swept.run("sh", "-c", f"COLUMNS=200 {command} --no-pager").splitlines()[1]
    assert header.split() == ["Experiment", "metrics/base.json:cosine_spearman", "seed"]


def test_the_workspace_stays_as_it_was(swept):
    assert swept.git("status", "--porcelain") == ""
