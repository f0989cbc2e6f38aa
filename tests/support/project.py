"""A copy of the project in a folder of its own, and the commands a user runs in it."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import yaml
from support.forks import programs

TRACKED = (
    *("Makefile", "dvc.yaml", "params.yaml"),
    *(".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", ".gitattributes"),
)

# What the environment may have set: mirrors, and all that `make test` passes on to a `make` under it.
FOREIGN = (
    *("KORNLU_MIRROR", "KLUE_MIRROR"),
    *("KOSBERT_FALL_BACK", "BASE", "PULL_REQUEST", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"),
)


class Project:
    """A copy of the project, and the commands a user runs in it."""

    def __init__(self, folder):
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder / "src")}
        for name in FOREIGN:
            self.environment.pop(name, None)

    def fork(self):
        """Have the project's commands and stages be forks: in a second what takes six."""
        path = f"{programs(self.environment)}{os.pathsep}{self.environment['PATH']}"
        self.environment = {**self.environment, "PATH": path}

    def run(self, *command, expect=0):
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, capture_output=True, check=False, timeout=900
        )
        assert done.returncode == expect, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def repro(self, *arguments):
        """Run `dvc repro`, and return the stages that ran, in their order."""
        return re.findall(r"Running stage '([^']+)'", self.run("dvc", "repro", *arguments))

    def make(self, *arguments, expect=0):
        """Run a Make target, in the virtual environment that runs this."""
        found = Path(shutil.which("python", path=self.environment["PATH"])).parents[1]
        venv = self.folder.parent / f"venv-{found.name}"  # make takes no path with spaces
        if not venv.exists():
            venv.symlink_to(found)
        return self.run("make", f"VENV={venv}", f"--old-file={venv}/.ready", *arguments, expect=expect)

    def git(self, *arguments):
        return self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments)

    def params(self):
        return yaml.safe_load((self.folder / "params.yaml").read_text(encoding="utf-8"))

    @contextmanager
    def branch(self, name, change):
        """Switch to a branch whose parameters `change` has changed, with everything run and committed; then go back."""
        values = self.params()
        change(values)
        self.git("switch", "-q", "-c", name)
        try:
            (self.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
            self.repro()
            self.git("commit", "-q", "-a", "-m", name)
            yield
        finally:
            self.git("checkout", "-q", "-f", "main")
            self.run("dvc", "checkout", "-q")

    @contextmanager
    def changed(self, path, text):
        """Change a file for the length of a block, and bring the project back to where it was after it."""
        file = self.folder / path
        before = file.read_bytes()
        file.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            file.write_bytes(before)
            self.git("checkout", "-q", ".")
            self.run("dvc", "checkout", "-q")


def as_a_newcomer(project, folder):
    """Give a project's commands a machine's first day: an empty home in `folder`, nothing set, no network."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    nowhere = "http://127.0.0.1:9"
    project.environment = {
        **{name: project.environment[name] for name in ("PATH", "PYTHONPATH")},
        **{"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"},
        **{"http_proxy": nowhere, "https_proxy": nowhere, "no_proxy": "127.0.0.1,localhost"},
    }


LAST = ("all_sts", "best")  # the recipes after the original's


def made_small(root, folder, *, best=False):
    """Copy the project, so small that it runs in a minute; without the recipes in `LAST`, unless `best` is set."""
    for name in ("src", "stages", "data/sample"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in TRACKED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, folder / name)
    for name in ("README.md", "README.ko.md"):
        (folder / name).write_text("<!-- performance: begin -->\n<!-- performance: end -->\n", encoding="utf-8")
    project = Project(folder)
    values = project.params() | {"dataset": "sample", "base_model": "scratch"}
    for name in () if best else LAST:  # they take time, and have no stage that the others lack
        del values["recipes"][name], values["report"]["rows"][name]
    for recipe in values["recipes"].values():
        recipe |= {"epochs": 1, "batch_size": 16, "learning_rate": 1e-3, "eval_steps": 5}
        if not best:
            recipe.pop("average", None)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    project.git("init", "-q", "-b", "main")
    project.git("add", ".")
    project.git("commit", "-q", "-m", "start")
    return project
