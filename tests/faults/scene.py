"""A finished project in which one stage has still to run: to be spoiled, run, and run again."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from support.project import Project

from kosbert.files import digest

HOOK = Path(__file__).with_name("hook.py")
COSTS = ("metrics/costs/", "models/.costs/")  # how long trainings took
SURROUNDINGS = {"NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1", "GIT_OPTIONAL_LOCKS": "0"}
ASIDE = (".dvc", ".git", "src", "stages", "dvc.lock", ".dvcignore")  # of a project: not what stages make


def tree(folder: Path) -> dict[str, str]:
    """Return the digest of every file that stages read and write, by its path, but for how long they took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.parts[len(folder.parts)] not in ASIDE and path.is_file() and not name.startswith(COSTS):
            found[name] = digest(path, "sha256")
    return found


@dataclass
class Scene:
    """A project before one of its stages, the way to run this stage, and what it should come to."""

    project: Project
    stage: str
    finished: Path  # the finished project
    whole: dict[str, str]  # its `tree`
    start: dict[str, str]  # `tree` of this one, before it is spoiled
    lock: bytes  # its dvc.lock
    prefix: tuple[str, ...] = ()  # before each command
    environment: dict[str, str] = field(default_factory=dict)
    mounted: bool = False  # the folder is a file system

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    def command(self, *arguments: str) -> dict:
        """Return the arguments of `subprocess` for a command in the scene; all it starts is one group of processes."""
        return {
            "args": [*self.prefix, *arguments],
            "cwd": self.folder,
            "env": self.project.environment | self.environment,
            "text": True,
            "encoding": "utf-8",
            "errors": "replace",
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "process_group": 0,
        }

    def run(self) -> tuple[int, list[str]]:
        """Run the stage alone; return the exit code, and what the user reads."""
        done = subprocess.run(**self.command("dvc", "repro", "-s", self.stage), timeout=300, check=False)
        return done.returncode, self.read(done.stdout)

    def follow(self, advice: tuple[str, ...]) -> None:
        """Run a command that the user was told to run."""
        done = subprocess.run(**self.command(*advice), timeout=300, check=False)
        assert "Traceback" not in done.stdout, done.stdout

    def recover(self) -> None:
        """Run the stage again as a user does, with whatever before it has to run again, and compare with the whole.

        Where all is as it was before the fault, but for inputs, this run would be the undisturbed one. So then it is
        enough to bring back the inputs, and to ask DVC whether it would run the stage.
        """
        inputs = set(self.changed())
        if inputs <= set(self.start) and (self.folder / "dvc.lock").read_bytes() == self.lock:
            before = sorted({self.maker(path) for path in inputs})
            if before:
                self.dvc("repro", *before)
            assert tree(self.folder) == self.start
            assert f"Running stage '{self.stage}'" in self.dvc("repro", "--dry", "-s", self.stage)
        else:
            self.dvc("repro", self.stage)
            assert tree(self.folder) == self.whole

    def recorded(self) -> bool:
        """Return whether DVC has recorded the stage as run."""
        return self.stage in yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]

    def changed(self) -> list[str]:
        """Return the files that are not as they were before the fault."""
        now = tree(self.folder)
        return [path for path in now.keys() | self.start.keys() if now.get(path) != self.start.get(path)]

    def maker(self, path: str) -> str:
        """Return the stage that makes a file."""
        stages = yaml.safe_load(self.lock)["stages"].items()
        return next(
            name for name, stage in stages for out in stage.get("outs", []) if f"{path}/".startswith(f"{out['path']}/")
        )

    def dvc(self, *arguments: str) -> str:
        """Run a command that has to succeed; return what it says."""
        done = subprocess.run(**self.command("dvc", *arguments), timeout=600, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def read(self, text: str) -> list[str]:
        """Return the lines that a user reads after the stage's command is shown, without what differs by chance."""
        text = re.sub(r"(?s)\nUpdating lock file 'dvc.lock'.*", "\n", text)
        text = text.replace(str(self.folder), "…").replace(str(self.folder.parent), "…")
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        text = re.sub(r"PYTHONPATH=src python [^\n]*?(?=, exited|, caused|$)", "COMMAND", text, flags=re.M)
        text = text.replace(f"{sys.prefix}/bin/", "").replace(sys.prefix, "…")
        text = re.sub(r"PID \d+", "PID N", text)
        text = re.sub(r"(\.\w[\w.]*\.)[a-z0-9_]{8}\b", r"\1N", text)
        return [line.rstrip() for line in text.splitlines() if line.strip() and line != "> COMMAND"]


def before(project: Project, folder: Path, stage: str) -> Scene:
    """Copy a finished project, and take back a stage: its outputs, and all that DVC remembers of it."""
    shutil.copytree(project.folder, folder, symlinks=True)
    here = Project(folder)
    here.environment = {
        **project.environment,
        "PYTHONPATH": str(folder / "src"),
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),  # DVC's own state, else in a folder of the system
    }
    shutil.copy(HOOK, folder / "src/sitecustomize.py")
    path = folder / "dvc.lock"
    locked = yaml.safe_load(path.read_text(encoding="utf-8"))
    mine = locked["stages"].pop(stage)
    path.write_text(yaml.safe_dump(locked, sort_keys=False), encoding="utf-8")
    for run in [*(folder / ".dvc/cache/runs").rglob("*")]:
        if run.is_file() and yaml.safe_load(run.read_text(encoding="utf-8"))["cmd"] == mine["cmd"]:
            shutil.rmtree(run.parent)
    for out in mine.get("outs", []):
        gone = folder / out["path"]
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    if stage == "report":  # its table stands in files that are no outputs, too
        for readme in (folder / "README.md", folder / "README.ko.md"):
            text = readme.read_text(encoding="utf-8")
            readme.write_text(re.sub(r"(begin -->\n).*(<!--)", r"\1\2", text, flags=re.S), encoding="utf-8")
    for empty in sorted((path for path in folder.glob("*/**") if path.is_dir()), reverse=True):
        if not any(empty.iterdir()) and empty.parts[len(folder.parts)] not in ASIDE:
            empty.rmdir()
    return Scene(here, stage, project.folder, tree(project.folder), tree(folder), path.read_bytes())
