"""Where it runs and how it is set up there: which Python, which installer, which build of torch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from support import environment


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
    assert f"Python {oldest} or newer" in (root / "README.md").read_text(encoding="utf-8")


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


INSTALLER = """#!/bin/sh
# Does what a file of its name says, and writes down how it was called; as a Python, it tells the build of torch.
name=$(basename "$0")
if [ "$1" = -c ]; then cat "$HERE/build"; exit; fi
echo "$name $*" >> "$HERE/calls"
echo "Collecting one of many"
case "$*" in *.[[]dev]*) last=-last ;; esac
. "$HERE/$name$last"
"""


class Machine:
    """A machine that installs nothing: its uv, pip and driver do what is set, and its calls are kept."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.venv, self.patch = folder, folder / "venv", monkeypatch.setattr
        (folder / "path").mkdir()
        monkeypatch.setenv("HERE", str(folder))
        monkeypatch.setenv("PATH", f"{folder / 'path'}:/usr/bin:/bin")
        self.patch(environment.venv, "create", self._create)
        self.patch(environment.sys, "platform", "linux")
        self.set("build", "None")
        for name in ("python", "python-last", "uv", "uv-last"):
            self.set(name, "")

    def set(self, name, content):
        (self.folder / name).write_text(content, encoding="utf-8")

    def add(self, name, script=INSTALLER, folder="path"):
        path = self.folder / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    def _create(self, folder, **_):
        self.add("python", folder=folder / "bin")
        (folder / "lib/python{}.{}".format(*sys.version_info)).mkdir(parents=True, exist_ok=True)

    def set_up(self, *options):
        self.patch(environment.sys, "argv", ["environment.py", str(self.venv), *options])
        environment.main()

    @property
    def calls(self):
        """The calls since this was last read: the installer, and where it takes torch from; or all of the packages."""
        path = self.folder / "calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        for line in lines:
            assert "--constraint constraints.txt" in line
            assert line.endswith(("--editable .[dev]", "--no-deps torch"))
        kinds = {"--torch-backend cpu": "cpu", "--extra-index-url https://download.pytorch.org/whl/cpu": "cpu"}
        found = [[kind for words, kind in kinds.items() if words in line] or ["all"] for line in lines]
        return [f"{line.split()[0]} {kind}" for line, (kind,) in zip(lines, found, strict=True)]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


CPU, CUDA = 'echo "torch 2.13.0+cpu without CUDA" > "$HERE/build"', 'echo "torch 2.13.0 with CUDA 13.0" > "$HERE/build"'


def test_set_up_takes_the_cpu_build_of_torch_and_then_the_rest_with_pip(machine, capsys):
    machine.set("python", CPU)
    machine.set_up()
    assert machine.calls == ["python cpu", "python all"]
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("with pip (once) ...")
    assert said[1].startswith("Taking torch's CPU build, as there is no NVIDIA GPU here (for CUDA: rm -r ")
    assert said[2] == "The other packages, some 220, in a few minutes ..."
    assert re.search(r"is ready after \d+ s: Python 3\.\d+\.\S+, torch 2\.13\.0\+cpu without CUDA$", said[3])
    assert len(said) == 4
    assert "without CUDA" in (machine.venv / ".ready").read_text(encoding="utf-8")


def test_set_up_takes_uv_where_that_is(machine, capsys):
    machine.add("uv")
    machine.set("uv", CPU)
    machine.set_up()
    assert machine.calls == ["uv cpu", "uv all"]
    assert "with uv (once)" in capsys.readouterr().out
    machine.set_up("--uv", "")
    assert machine.calls == ["python cpu", "python all"]


def test_where_pytorchs_index_is_out_of_reach_pip_finds_torch_and_it_is_said_which(machine, capsys):
    machine.add("uv")
    machine.set("uv", "echo error: Failed to fetch >&2; exit 2")
    machine.set("python", CPU)
    machine.set_up()
    assert machine.calls == ["uv cpu", "python cpu", "uv all"]
    assert "No index" not in capsys.readouterr().out
    machine.set("python", CUDA)
    machine.set_up()
    said = capsys.readouterr().out
    assert "No index in reach gave that build; going on with torch 2.13.0 with CUDA 13.0.\n" in said
    assert "error" not in said
    assert said.endswith(", torch 2.13.0 with CUDA 13.0\n")


@pytest.mark.parametrize(
    ("gpu", "platform", "torch", "taken"),
    [
        ("echo GPU 0: NVIDIA H100", "linux", "auto", False),
        ("echo NVIDIA-SMI has failed; exit 9", "linux", "auto", True),
        ("echo No devices were found", "linux", "auto", True),
        ("echo GPU 0: NVIDIA H100", "linux", "cpu", True),
        (None, "linux", "cuda", False),
        (None, "darwin", "auto", False),
    ],
)
def test_the_cpu_build_is_for_linux_without_a_gpu_unless_said_otherwise(machine, gpu, platform, torch, taken):
    if gpu:
        machine.add("nvidia-smi", f"#!/bin/sh\n{gpu}\n")
    machine.patch(environment.sys, "platform", platform)
    machine.set_up("--torch", torch)
    assert machine.calls == (["python cpu"] if taken else []) + ["python all"]


def test_a_set_up_that_failed_is_no_set_up_and_the_next_one_starts_clean(machine):
    machine.set_up()
    machine.add("left", folder="venv/bin")
    machine.set_up()
    assert (machine.venv / "bin/left").exists(), "what a user has added to a whole one stays"
    machine.set("python-last", "echo 'ERROR: No matching distribution found for accelerate'; exit 1")
    with pytest.raises(SystemExit) as failed:
        machine.set_up()
    assert str(failed.value) == (
        "ERROR: No matching distribution found for accelerate\n"
        "Set-up failed, see above. Is the package index in reach? Then again: make setup"
    )
    assert not (machine.venv / ".ready").exists()
    machine.set("python-last", "")
    machine.set_up()
    assert not (machine.venv / "bin/left").exists()
    assert sorted(path.name for path in machine.venv.iterdir()) == [".ready", "bin", "lib"]


def test_another_python_than_the_environments_is_said(machine):
    machine.set_up()
    (machine.venv / "lib/python{}.{}".format(*sys.version_info)).rename(machine.venv / "lib/python3.9")
    with pytest.raises(SystemExit, match=r"was made with another Python than this .*; remove it first: rm -r "):
        machine.set_up()
    assert (machine.venv / "bin/python").exists()


def test_make_sets_up_a_real_environment_of_what_pip_is_told(root, tmp_path):
    fake = tmp_path / "fake/pip.py"  # stands before the environment's own
    fake.parent.mkdir()
    fake.write_text(
        "import pathlib, sys, sysconfig\n"
        "torch = pathlib.Path(sysconfig.get_path('purelib')) / 'torch'\n"
        "torch.mkdir(exist_ok=True)\n"
        "(torch / '__init__.py').write_text('raise ImportError(\"not imported\")')\n"
        "(torch / 'version.py').write_text('__version__, cuda = \"2.13.0+cpu\", None')\n"
    )
    command = ["make", f"PYTHON={sys.executable}", f"VENV={tmp_path / 'venv'}", "UV=", "setup"]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    variables |= {"PYTHONPATH": str(fake.parent), "TORCH": "cpu"}
    for said in ("torch 2.13.0+cpu without CUDA\n", "Nothing to be done for 'setup'.\n"):
        done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=True)
        assert done.stdout.endswith(said)
        assert done.stderr == ""


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
