"""A sweep as the README has it: a queue of experiments, their table, and mean and spread over seeds."""

import io
import re
import shutil

import pandas as pd
import pytest
from support.project import Project


@pytest.fixture(scope="module")
def swept(project, tmp_path_factory):
    """Two seeds; of `sts` there are only the figures from before the sweep."""
    folder = tmp_path_factory.mktemp("sweep") / "project"  # experiments fail under Korean letters
    project = Project(shutil.copytree(project.folder, folder))
    project.run("dvc", "exp", "remove", "-A")  # those of other tests
    project.run("dvc", "exp", "run", "--queue", "-S", "seed=range(1,3)", "evaluate@base")
    assert "no finished experiment began at HEAD (2 others did)" in project.run("kosbert", "spread", expect=1)
    project.run("dvc", "exp", "run", "--run-all")
    return project


@pytest.fixture(scope="module")
def shown(swept):
    """DVC's own table of the experiments."""
    table = pd.read_csv(io.StringIO(swept.run("dvc", "exp", "show", "--csv", "--precision", "9")))
    return table[table["State"] == "Success"]


@pytest.mark.exhaustive
def test_mean_and_spread_over_seeds_are_those_of_dvcs_own_table(swept, shown):
    said = swept.run("kosbert", "spread", "--figure", "dot_pearson")
    draws = shown["metrics/base.json:dot_pearson"]
    assert draws.nunique() == 2
    expected = [("base", "2", f"{draws.mean():.2f}", f"{draws.std():.2f}")]
    # Of other rows there are figures from before the sweep: DVC shows them, and they are not counted.
    assert shown["metrics/sts.json:dot_pearson"].nunique() == 1
    assert re.findall(r"^\| (\w+) +\| +(\d) \| +(\S+) \| +(\S+) \|$", said, flags=re.MULTILINE) == expected


def test_the_table_of_the_documentation_shows_what_varies_and_nothing_else(swept, root):
    sweeps = (root / "docs/dvc.md").read_text(encoding="utf-8").split("## Sweeps")[1]
    (command,) = re.findall(r"^dvc exp show .*$", sweeps, flags=re.MULTILINE)
    header = swept.run("sh", "-c", f"COLUMNS=200 {command} --no-pager").splitlines()[1]
    figures = ["metrics/base.json:cosine_spearman", "metrics/extra/base.json:spoken.cosine_spearman"]
    assert header.split() == ["Experiment", *figures, "seed"]


def test_the_workspace_stays_as_it_was(swept):
    assert swept.git("status", "--porcelain") == ""
