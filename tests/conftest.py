"""Fixtures that several tests share: the sample tables, and a tiny encoder made of them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.project import LAST

from kosbert import params
from kosbert.data import prepare
from kosbert.data.tables import read_tune

ROOT = Path(__file__).parents[1]
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # for tests that import ONNX Runtime by themselves
# Files of tests that take a minute and more: begun first, or one core has nothing to do at the end.
LONG = ("pipeline", "test_contributing.py", "training", "faults")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: {*LONG}.isdisjoint(item.path.relative_to(ROOT / "tests").parts))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def tracked():
    """The names of the project's files in git, as paths in the project."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False) if shutil.which("git") else None
    names = os.fsdecode(listed.stdout).split("\0")[:-1] if listed else []
    if "Makefile" not in names:
        pytest.skip("needs the project's git history, which a downloaded zip does not have")
    return names


@pytest.fixture
def write(tmp_path):
    """Return a function that writes text or bytes to a file of a name, and gives its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def chosen():
    return params.load(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def four(chosen):
    """The parameters without the last recipes: with four rows, of names that tests may rely on."""
    rows, recipes = (
        {name: each for name, each in block.items() if name not in LAST}
        for block in (chosen.report.rows, chosen.recipes)
    )
    return chosen.model_copy(update={"report": chosen.report.model_copy(update={"rows": rows}), "recipes": recipes})


@pytest.fixture(scope="session")
def tables(tmp_path_factory, chosen):
    """The sample's tune files and NLI table, in a folder laid out like `data`."""
    folder = tmp_path_factory.mktemp("data")
    sample = chosen.datasets["sample"]
    list(prepare.prepare_sts(sample, ROOT / "data/sample", folder / "tune"))
    prepare.prepare_nli(sample, ROOT / "data/sample", folder / "nli/train.tsv")
    prepare.prepare_extra(
        sample, ROOT / "data/sample", folder / "tune", scored=folder / "scored", extra=folder / "extra"
    )
    return folder


@pytest.fixture(scope="session")
def sentences(tables):
    """All sentences of the sample's STS training table."""
    return [sentence for row in read_tune(tables / "tune/tune_train.tsv") for sentence in row[:2]]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, chosen, tables):
    """A two-layer encoder from scratch, as a folder."""
    from kosbert.base.build import build  # noqa: PLC0415 - slow to import, and few tests need it
    from kosbert.encoder.model import save  # noqa: PLC0415

    out = tmp_path_factory.mktemp("models") / "base"
    nli = tables / "nli/train.tsv"
    save(
        build("scratch", chosen.base_models["scratch"], tune=tables / "tune/tune_train.tsv", nli=nli, seed=1),
        out,
        card="the card",
    )
    return out
