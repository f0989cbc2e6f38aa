"""Environments with packages of their own, made once and kept as long as their packages are the same."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

# Nothing is fetched at run time: neither a model, nor (at an installation) code for a GPU.
OFFLINE = {
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "ORT_DISABLE_TELEMETRY"), "1"),
    "ONNXRUNTIME_NODE_INSTALL_CUDA": "skip",
}
INSTALLED = "installed.txt"  # the packages of a complete environment; written last


class FailedError(Exception):
    """A command failed; says how, in one line."""


def python_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Make a virtual environment with packages, unless it is there, and return its Python.

    Args:
        folder: the folder of the environment.
        packages: what pip installs, in one command.

    Raises:
        FailedError: the packages could not be installed.
    """
    python = folder / "bin/python"
    if not _installed(folder, packages):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages])
        _mark(folder, packages)
    return python


def node_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Make a folder with npm packages, unless it is there, and return it.

    Args:
        folder: the folder, in which scripts find the packages.
        packages: what npm installs; their own installation scripts do not run.

    Raises:
        FailedError: the packages could not be installed.
    """
    if not _installed(folder, packages):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n', encoding="utf-8")
        run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], cwd=folder)
        _mark(folder, packages)
    return folder


def run(command: list[str], cwd: Path | None = None) -> None:
    """Run a command, quietly.

    Args:
        command: the command.
        cwd: the folder to run it in; this one if None.

    Raises:
        FailedError: it failed.
    """
    done = subprocess.run(command, cwd=cwd, env=os.environ | OFFLINE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(_cause((done.stdout + done.stderr).splitlines()) or f"exit status {done.returncode}")


def _cause(lines: list[str]) -> str:
    """Return the last line that tells of an error, or the last one."""
    lines = [line.strip() for line in lines if line.strip() and "complete log" not in line]
    return ([line for line in lines if "error" in line.lower()] or lines or [""])[-1]


def present_python() -> Path:
    """Return the Python that runs this, with the packages of the project."""
    return Path(sys.executable)


def _installed(folder: Path, packages: Sequence[str]) -> bool:
    mark = folder / INSTALLED
    return mark.is_file() and mark.read_text(encoding="utf-8").split() == [*packages]


def _mark(folder: Path, packages: Sequence[str]) -> None:
    (folder / INSTALLED).write_text("\n".join(packages) + "\n", encoding="utf-8")
