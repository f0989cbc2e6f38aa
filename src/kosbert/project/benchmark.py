"""The whole benchmark: `dvc repro`, then the table.

Where KorNLU can be had nowhere, the same stages run on the sample data, in a copy of the project.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from ruamel.yaml import YAML

from kosbert import git, params
from kosbert.data import sources
from kosbert.errors import KosbertError
from kosbert.params import PARAMS

RAW = Path("data/raw")
TABLE = Path("metrics/performance.md")
SAMPLE = "sample"


def run(*, fall_back: bool = True) -> None:
    """Regenerate the benchmark and show its table.

    Args:
        fall_back: whether to run on the sample where the dataset can be had nowhere.

    Raises:
        KosbertError: a stage failed; it has said why.
    """
    chosen = params.load()
    began = time.monotonic()
    if _repro(Path()):
        click.echo(
            f"{_cost(began)} The table is in {TABLE}, the figures beside it; compare them with: git diff metrics"
        )
        return
    dataset = chosen.chosen_dataset
    if not fall_back or chosen.dataset == SAMPLE or sources.present(dataset, RAW) or sources.reachable(dataset):
        raise KosbertError("a stage failed; the lines above say why. What is done is kept: mend it and run this again.")
    _on_sample(chosen.dataset, sources.places(dataset), began)


def _repro(project: Path) -> bool:
    """Run `dvc repro`, and return whether it succeeded; then the table is on the terminal."""
    table = project / TABLE
    before = _modified(table)
    if _dvc("repro", cwd=project):
        return False
    # The table is none of DVC's outputs, which does not miss it.
    if not table.exists() and _dvc("repro", "--force", "--single-item", "report", cwd=project):
        return False
    if _modified(table) == before:  # else the report stage has just shown it
        click.echo(f"\nThe figures are the same as before.\n\n{table.read_text(encoding='utf-8')}")
    return True


def _on_sample(wanted: str, tried: list[str], began: float) -> None:
    warning = (
        f"The dataset {wanted!r} could not be had: none of its files is in any of these places:\n"
        + "".join(f"  {place}\n" for place in tried)
        + f"{sources.ADVICE}\n"
    )
    click.secho(
        f"\n{warning}Until then the same stages run on the made-up dataset {SAMPLE!r}, in a copy of the project: the\n"
        f"committed results stay as they are. Scores on {SAMPLE!r} mean nothing.\n",
        bold=True,
    )
    # Not `dvc exp run --temp`, which fails in a folder whose path has Korean letters (DVC 3.67).
    with tempfile.TemporaryDirectory(prefix="kosbert-") as folder:
        copy = Path(folder)
        _copy_project(copy)
        if _dvc("config", "--local", "core.no_scm", "true", cwd=copy) or not _repro(copy):
            raise KosbertError(f"a stage failed on the dataset {SAMPLE!r}; the lines above say why.")
    click.secho(f"{_cost(began)}\n\nNOT the benchmark: the table above is of {SAMPLE!r}.\n{warning}", bold=True)


def _copy_project(out: Path) -> None:
    """Copy what git has or would take, and choose the sample dataset there."""
    listed = git.ask("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in sorted(filter(None, os.fsdecode(listed).split("\0"))):
        if Path(name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, out / name)
    yaml = YAML()
    values = yaml.load(out / PARAMS)
    values["dataset"] = SAMPLE
    for base in values["base_models"].values():
        if base.get("path"):  # is relative to the project, not to its copy
            base["path"] = str(Path(base["path"]).resolve())
    yaml.dump(values, out / PARAMS)


def _dvc(*arguments: str, cwd: Path) -> int:
    # DVC's stages call `python`: it has to be the one that runs here.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path}, check=False).returncode


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _cost(began: float) -> str:
    minutes = (time.monotonic() - began) / 60
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9
    return f"It took {minutes:.1f} minutes; the largest stage had {peak:.1f} GB in memory."
