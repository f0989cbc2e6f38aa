"""Where it runs: the versions of Python are the same wherever they are said, and elsewhere it says so at once."""

import os
import re
import shutil
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


@pytest.fixture
def fresh(root, tmp_path, tracked):
    """A repository of the project's files as they are now, and git run as one does who has set nothing."""

    def git(*arguments, cwd=tmp_path / "here"):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=True).stdout

    for name in tracked:
        if (root / name).exists():
            (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, tmp_path / "here" / name)
    git("init", "-q")
    git("add", "--all", "--force")
    git("commit", "-q", "-m", "all")
    return git


@pytest.mark.parametrize("settings", [("core.autocrlf=true",), ("core.eol=crlf",), ("core.autocrlf=input",)])
def test_a_checkout_has_the_bytes_that_git_has_whatever_is_set_of_line_ends(root, tmp_path, fresh, settings):
    options = [word for setting in settings for word in ("-c", setting)]
    fresh("clone", "-q", *options, "here", "there", cwd=tmp_path)
    names = fresh("ls-files", "-z").decode().split("\0")[:-1]
    assert {name for name in names if (tmp_path / "there" / name).read_bytes() != (root / name).read_bytes()} == set()
    assert fresh(*options, "status", "--porcelain", cwd=tmp_path / "there") == b""


def test_an_archive_has_the_bytes_that_git_has(root, tmp_path, fresh):
    for kind in ("tar", "zip"):
        fresh("-c", "core.autocrlf=true", "archive", f"--format={kind}", f"--output={tmp_path}/all.{kind}", "HEAD")
        shutil.unpack_archive(tmp_path / f"all.{kind}", tmp_path / kind)
        for name in fresh("ls-files", "-z").decode().split("\0")[:-1]:
            assert (tmp_path / kind / name).read_bytes() == (root / name).read_bytes(), name


def test_on_windows_it_is_said_at_once():
    script = "import sys, click; sys.platform, sys.modules['fcntl'] = 'win32', None; import kosbert.cli"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: kosbert runs on Linux and macOS; on Windows, run it in WSL\n"
