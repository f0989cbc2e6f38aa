"""Where it runs: the versions of Python are the same wherever they are said, and elsewhere it says so at once."""

import os
import re
import subprocess
import sys
import tomllib

import pytest


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_oldest_python_is_the_same_wherever_it_is_said(root, project):
    oldest = project["project"]["requires-python"].removeprefix(">=")
    classified = [name.rpartition(" ")[2] for name in project["project"]["classifiers"] if "Python" in name]
    assert classified[0] == oldest
    assert project["tool"]["mypy"]["python_version"] == oldest
    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest} or newer is needed" in (root / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^Python {oldest} or newer", (root / "README.md").read_text(encoding="utf-8"), flags=re.M)


def test_make_says_which_python_it_wants(root, tmp_path):
    old = tmp_path / "python"  # runs what it is given, as if it were older
    code = 'import sys; sys.version, sys.version_info = "3.10.1 (old)", (3, 10, 1); exec(sys.argv[2])'
    old.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n")
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "setup"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "Python 3.11 or newer is needed, this is 3.10.1; give another: make PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_on_windows_it_is_said_at_once():
    script = "import sys, click; sys.platform, sys.modules['fcntl'] = 'win32', None; import kosbert.cli"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: kosbert runs on Linux and macOS; on Windows, run it in WSL\n"
