"""The house rules: imports go one way, stages depend on what they use, and the documentation is true."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from kosbert import params
from kosbert.metrics import read_cost, read_extra_metrics, read_metrics
from kosbert.report.table import BEGIN, END, performance, short

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/kosbert"
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}

# What each room may import besides itself. A room is a folder of the package, or a module at its root.
FLOOR = {"errors"}
ALLOWED = {
    "errors": set(),
    "command": FLOOR,
    "files": FLOOR,
    "params": FLOOR,
    "metrics": FLOOR | {"files"},
    "stage": FLOOR | {"files", "command"},
    "data": FLOOR | {"files", "params"},
    "encoder": FLOOR | {"files", "params"},
    "base": FLOOR | {"files", "params", "data", "encoder"},
    "training": FLOOR | {"files", "params", "metrics", "data", "encoder"},
    "evaluation": FLOOR | {"files", "metrics", "encoder"},
    "report": FLOOR | {"files", "params", "metrics", "data", "encoder", "evaluation"},
    "inference": FLOOR | {"files", "encoder"},
    "readers": FLOOR | {"data"},
    "apps": FLOOR | {"files", "data", "readers", "inference"},
    "project": FLOOR | {"files", "stage", "params", "metrics", "data", "encoder", "inference"},
}
FACE = {"__init__", "__main__", "cli"}  # the ways in, which know the rooms that they lead to
ROOMS = {*ALLOWED, "commands"}
NOT_FOR_STAGES = {"apps", "inference", "readers", "project", "commands"}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The modules of kosbert that a file imports, as paths; imports inside functions count too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kosbert":
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "kosbert"]
        else:
            continue
        paths = (ROOT / "src" / f"{name.replace('.', '/')}.py" for name in names)
        found |= {module for module in paths if module.is_file()}
    return found


def imported_in_the_end(path):
    found, left = set(), {path}
    while left:
        found |= left
        left = set().union(*map(imported, left)) - found
    return found - {path}


def files_of(room):
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def test_every_module_has_its_room_and_none_lies_loose():
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__pycache__"}
    assert parts == FACE | ROOMS


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room):
    reached = {room_of(path) for file in files_of(room) for path in imported(file)}
    assert reached - {room} - ALLOWED[room] == set()


def test_no_module_imports_one_that_imports_it():
    modules = [path for room in ROOMS for path in files_of(room)]
    assert [
        str(path) for path in modules if path in set().union(*map(imported_in_the_end, imported(path)), set())
    ] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/__init__.py")), ids=str)
def test_the_face_of_a_room_has_no_code(path):
    (only,) = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(only, ast.Expr)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_rooms_that_it_uses_and_on_no_others(stage):
    rooms = {room_of(path) for path in imported_in_the_end(ROOT / "stages" / f"{stage}.py")}
    assert rooms & NOT_FOR_STAGES == set()
    paths = (f"src/kosbert/{room}" if (PACKAGE / room).is_dir() else f"src/kosbert/{room}.py" for room in rooms)
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "stages/"))]
    assert sorted(code) == sorted([f"stages/{stage}.py", *paths])


UNTOUCHED = """
import importlib, logging, os, pkgutil, sys, warnings

def state():
    levels = {name: logging.getLogger(name).level for name in ("", "transformers", "sentence_transformers", "datasets")}
    return sys.excepthook, {**os.environ}, levels, [*warnings.filters]

before = state()
import kosbert
assert state() == before, "kosbert"
# What other libraries do when they are imported does not count.
import accelerate, datasets, dvclive, fastapi, huggingface_hub, jinja2, matplotlib.figure, mteb, openvino, pandas
import pyarrow.parquet, scipy.stats, sentence_transformers, sentencepiece, sklearn.cluster, sklearn.manifold
import sklearn.metrics, transformers, usearch.index, uvicorn
for module in ("sentence_transformers.sentence_transformer.losses", "transformers.models.auto.modeling_auto"):
    importlib.import_module(module)
changed = []
for module in pkgutil.walk_packages(kosbert.__path__, "kosbert."):
    if module.name != "kosbert.__main__":  # the command itself
        before = state()
        importlib.import_module(module.name)
        changed += [module.name] * (state() != before)
assert changed == []
"""


def test_no_import_changes_anything_in_the_users_process():
    done = subprocess.run([sys.executable, "-c", UNTOUCHED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def leaves(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix}
    return set().union(*(leaves(inner, f"{prefix}.{key}" if prefix else key) for key, inner in value.items()))


PUBLISHED = {"datasets.kornlu.hub", "datasets.kornlu-full.hub"}  # no stage's: `kosbert publish` alone reads them


def test_every_parameter_is_one_of_a_stage():
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    keys = set()
    for name, stage in STAGES.items():
        for key in stage.get("params", []):
            each = values["recipes"] if name == "train" else [""]
            keys |= {
                key.replace("${dataset}", dataset).replace("${base_model}", base).replace("${key}", recipe)
                for dataset in values["datasets"]
                for base in values["base_models"]
                for recipe in each
            }
    assert [
        leaf
        for leaf in sorted(leaves(values) - PUBLISHED)
        if not any(leaf == k or leaf.startswith(f"{k}.") for k in keys)
    ] == []


@pytest.mark.parametrize("name", ["architecture.md", "architecture.ko.md"])
def test_the_architecture_page_has_the_rules_that_are_tested(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ?([^|]*) ?\|$", page, flags=re.M)
    assert {room: {*re.findall(r"`(\w+)`", may)} for room, may in rows} == ALLOWED


@pytest.mark.parametrize("name", ["train.md", "train.ko.md"])
def test_the_page_on_training_lists_the_stages_in_their_order(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    table = next(part for part in page.split("\n\n") if part.startswith("|") and "`download`" in part)
    assert re.findall(r"^\| `(\w+)(?:@[^`]*)?` \|", table, flags=re.M) == list(STAGES)


def test_the_tables_are_those_of_the_committed_metrics():
    chosen = params.load(ROOT / "params.yaml")
    committed = (
        chosen,
        {row: read_metrics(ROOT / f"metrics/{row}.json") for row in chosen.report.rows},
        {recipe: read_cost(ROOT / f"metrics/costs/{recipe}.json") for recipe in chosen.recipes},
        {row: read_extra_metrics(ROOT / f"metrics/extra/{row}.json") for row in chosen.report.rows},
    )
    assert (ROOT / "metrics/performance.md").read_text(encoding="utf-8") == performance(*committed)
    for readme in ("README.md", "README.ko.md"):
        text = (ROOT / readme).read_text(encoding="utf-8")
        assert text.partition(BEGIN)[2].partition(END)[0] == f"\n{short(*committed)}"


def test_every_dependency_is_pinned():
    pins = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = sum(project["optional-dependencies"].values(), project["dependencies"])

    def plain(name):
        return name.lower().replace("_", "-")

    names = {re.match(r"[\w.-]+", line)[0] for line in declared} - {"kosbert"}
    assert {"torch", "mteb", "pytest"} <= names
    assert {plain(name) for name in names} - {plain(name) for name in pins} == set()
