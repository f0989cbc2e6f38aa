"""The whole benchmark: `dvc repro`, then the table.

If KorNLU cannot be downloaded, the same stages run on the sample data, in a copy of the project.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from dvc.ignore import DvcIgnorePatterns
from ruamel.yaml import YAML

from kosbert import params
from kosbert.data import download
from kosbert.errors import KosbertError
from kosbert.params import PARAMS, Dataset
from kosbert.project import dvc

RAW = Path("data/raw")
TABLE = Path("metrics/performance.md")
SAMPLE = "sample"


def run(*, fall_back: bool = True) -> None:
    """Regenerate the benchmark and show its table.

    Args:
        fall_back: whether to run on the sample if the dataset cannot be downloaded.

    Raises:
        KosbertError: a stage failed and its own message is on the terminal, or something is where no output can be.
    """
    chosen = params.load()
    dvc.check_here()
    dvc.set_up()
    dvc.check_outputs()
    start = time.monotonic()
    if _repro(Path()):
        changes = "" if dvc.missing_repository() else "; see changes with: git diff metrics"
        click.echo(f"{_cost(start)} The table is in {TABLE}, the metrics beside it{changes}")
        return
    dataset = chosen.chosen_dataset
    if not fall_back or chosen.dataset == SAMPLE or download.present(dataset, RAW) or download.reachable(dataset):
        raise KosbertError("a stage failed; the lines above say why. What is done is kept: fix it and run this again.")
    _run_on_sample(chosen.dataset, dataset, start)


def _repro(project: Path) -> bool:
    """Run `dvc repro`, and return whether it succeeded; then the table is on the terminal."""
    table = project / TABLE
    before = _modified(table)
    if not dvc.run("repro", cwd=project):
        return False
    if _modified(table) == before:  # else the stage `report` has just shown it
        click.echo(f"\nThe metrics are the same as before.\n\n{table.read_text(encoding='utf-8')}")
    return True


def _run_on_sample(wanted: str, dataset: Dataset, start: float) -> None:
    warning = (
        f"The dataset {wanted!r} could not be downloaded: none of these mirrors has any of its files:\n"
        + "".join(f"  {mirror}\n" for mirror in download.mirrors(dataset))
        + f"{download.advice(dataset)}\n"
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
        if not (dvc.run("config", "--local", "core.no_scm", "true", cwd=copy) and _repro(copy)):
            raise KosbertError(f"a stage failed on the dataset {SAMPLE!r}; the lines above say why.")
    click.secho(f"{_cost(start)}\n\nNOT the benchmark: the table above is for {SAMPLE!r}.\n{warning}", bold=True)


def _copy_project(out: Path) -> None:
    """Copy the files that no `.gitignore` is about, and choose the sample dataset there."""
    for file in _not_ignored(Path.cwd()):
        copy = out / file.relative_to(Path.cwd())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    yaml = YAML()
    values = yaml.load(out / PARAMS)
    values["dataset"] = SAMPLE
    for base in values["base_models"].values():
        if base.get("path"):  # it is relative to the project, not to the copy
            base["path"] = str(Path(base["path"]).resolve())
    yaml.dump(values, out / PARAMS)


def _not_ignored(folder: Path, *outer: DvcIgnorePatterns) -> Iterator[Path]:
    """Yield the files in a folder that git would take; git itself is not asked, for a downloaded zip has none."""
    rules, ignore = outer, folder / ".gitignore"
    if ignore.is_file():  # DVC's patterns are those of git
        lines = ignore.read_text(encoding="utf-8", errors="replace").splitlines()
        rules = *outer, DvcIgnorePatterns(lines, str(folder), os.sep)
    for entry in sorted(folder.iterdir()):
        is_folder = entry.is_dir() and not entry.is_symlink()
        if entry.name == ".git" or any(each.matches(str(folder), entry.name, is_folder) for each in rules):
            continue
        if is_folder:
            yield from _not_ignored(entry, *rules)
        elif entry.is_file():
            yield entry


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _cost(start: float) -> str:
    minutes = (time.monotonic() - start) / 60
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9
    return f"It took {minutes:.1f} minutes; the largest stage used {peak:.1f} GB of memory."
