"""The house rules: what stages depend on is what they say, imports go one way, and the README is true."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from kosbert import params
from kosbert.report.table import BEGIN, END, performance

ROOT = Path(__file__).parents[1]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
README = (ROOT / "README.md").read_text(encoding="utf-8")

# What each part of the library may import from the rest of it.
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "params": {"errors"},
    "card": {"errors", "params"},
    "cost": {"errors", "files"},
    "encoder": {"errors", "files"},
    "git": {"errors"},
    "loading": {"errors", "encoder", "base"},
    "korean_tasks": {"errors", "files", "loading"},
    "publish": {"errors", "files", "params", "card", "dvc", "encoder", "evaluation"},
    "packing": {"encoder"},
    "freezing": {"packing"},
    "batches": set(),
    "encoding": {"batches", "packing", "freezing"},
    "inference": {"errors", "batches"},
    "benchmark": {"errors", "params", "data", "git"},
    "quantized": {"errors", "encoder", "inference"},
    "dvc": {"errors"},
    "difference": {"errors", "dvc", "evaluation"},
    "spread": {"errors", "params", "dvc", "git", "difference"},
    "apps": {"errors", "files", "data", "encoder", "loading", "encoding", "inference", "quantized", "apps"},
    "data": {"errors", "files", "params", "data"},
    "base": {"errors", "files", "params", "data", "encoder", "base"},
    "training": {"errors", "files", "params", "cost", "data", "encoder", "encoding", "packing", "training"},
    "evaluation": {"errors", "files", "params", "cost", "data", "encoder", "encoding", "evaluation"},
    "report": {"errors", "files", "params", "data", "evaluation", "report"},
}


def imported(path):
    """The modules of kosbert that a file imports, as paths."""
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
    return found


def declared_code(stage):
    return {dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "stages/"))}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_the_code_it_runs_and_on_no_other(stage):
    needed = {str(path.relative_to(ROOT)) for path in imported_in_the_end(ROOT / "stages" / f"{stage}.py")}
    declared = declared_code(stage)
    assert [
        path for path in sorted(needed) if not any(path == dep or path.startswith(f"{dep}/") for dep in declared)
    ] == []
    assert [
        dep for dep in sorted(declared) if not any(path == dep or path.startswith(f"{dep}/") for path in needed)
    ] == []


@pytest.mark.parametrize("path", sorted((ROOT / "src/kosbert").rglob("__init__.py")), ids=str)
def test_packages_are_doors_without_code(path):
    (only,) = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(only, ast.Expr)


def test_every_part_has_its_place():
    parts = {path.stem for path in (ROOT / "src/kosbert").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__init__", "__pycache__", "cli", "commands"} == {*ALLOWED}


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_go_one_way(part):
    place = ROOT / "src/kosbert" / part
    files = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    reached = {
        path.relative_to(ROOT / "src/kosbert").parts[0].removesuffix(".py") for file in files for path in imported(file)
    }
    assert reached - ALLOWED[part] == set()


def leaves(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix}
    return set().union(*(leaves(inner, f"{prefix}.{key}" if prefix else key) for key, inner in value.items()))


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
        leaf for leaf in sorted(leaves(values)) if not any(leaf == k or leaf.startswith(f"{k}.") for k in keys)
    ] == []


def test_the_readme_lists_the_stages_in_their_order():
    rows = re.findall(r"^\| `(\w+)(?:@[^`]*)?` \|", README.split("## The stages")[1].split("\n#")[0], flags=re.M)
    assert rows == list(STAGES)


def test_the_readmes_tree_names_every_file_of_the_code():
    tree = README.split("## The tree")[1].split("```")[1]
    named, folders = set(), []
    for line in tree.strip().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [line.split()[0].rstrip("/")]
        named.add("/".join(folders))
    for path in named:
        assert (ROOT / path).exists() or path in ("models", "curves", "predictions", "report", "dvc.lock"), (
            f"{path} is in the tree, but not in the project"
        )
    code = [path.relative_to(ROOT) for part in ("src", "stages") for path in (ROOT / part).rglob("*.py")]
    assert [str(path) for path in sorted(code) if path.name != "__init__.py" and str(path) not in named] == []


def test_the_readmes_table_is_the_one_of_the_committed_metrics():
    table = performance(params.load(ROOT / "params.yaml"), ROOT / "metrics")
    assert (ROOT / "metrics/performance.md").read_text(encoding="utf-8") == table
    assert README.partition(BEGIN)[2].partition(END)[0] == f"\n{table}"


def test_every_dependency_is_pinned():
    pins = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = sum(project["optional-dependencies"].values(), project["dependencies"])

    def plain(name):
        return name.lower().replace("_", "-")

    names = {re.match(r"[\w.-]+", line)[0] for line in declared} - {"kosbert"}
    assert {"torch", "mteb", "pytest"} <= names
    assert {plain(name) for name in names} - {plain(name) for name in pins} == set()
