"""DVC's own commands, run by the Python that runs here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from kosbert.errors import KosbertError, needs_extra, one_line
from kosbert.stage.lock import PIPELINE

LEFT_ALONE = (
    "DVC leaves the git repository here alone (core.no_scm); to have it used: dvc config --local --unset core.no_scm"
)


def run(*arguments: str, cwd: Path) -> bool:
    """Run `dvc <arguments>` in a folder, with its output on the terminal, and return whether it succeeded.

    Raises:
        KosbertError: DVC is not installed.
    """
    # The stages call `python`, which has to be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return not subprocess.run(_command(*arguments), cwd=cwd, env={**os.environ, "PATH": path}, check=False).returncode


def ask(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
    """Return what `dvc <arguments>` answers; the arguments have to ask for JSON.

    Raises:
        KosbertError: DVC is not installed, there is no pipeline here or no history that is asked about, or DVC refused,
            as for an unknown revision or a broken `dvc.yaml`; then the message has DVC's own words.
    """
    check_here()
    if arguments[0] == "status":
        set_up()
    else:
        _check_history()
    done = subprocess.run(_command(*arguments), capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise KosbertError(f"dvc {arguments[0]}: {' '.join(errors) or done.stderr.strip()}")
    return json.loads(done.stdout)


def check_here() -> None:
    """Check that there is a pipeline in the working folder, with DVC's own folder.

    Raises:
        KosbertError: one of them is missing.
    """
    if not PIPELINE.exists():
        raise KosbertError(f"{PIPELINE}: not found; run this in the project's top folder")
    if not Path(".dvc").is_dir():  # copied by `cp *`, perhaps
        raise KosbertError(".dvc: not found; copy the project's hidden files as well")


def set_up() -> None:
    """Have DVC do without git where no repository has the project, as after its download as a zip, and say so.

    Raises:
        KosbertError: DVC cannot write the setting, and has said why, or it is not installed.
    """
    missing, alone = missing_repository(), _leaves_git_alone()
    if alone and not missing:
        click.echo(f"Note: {LEFT_ALONE}", err=True)
    if missing and not alone and not Path(".git").exists():  # if it is broken, DVC will say so
        if not run("config", "--local", "core.no_scm", "true", cwd=Path()):
            raise KosbertError(
                f"{missing}, and DVC could not be configured to work without one; the lines above say why"
            )
        click.echo(
            f"Note: {missing}; DVC is now configured to work without one (core.no_scm in .dvc/config.local)", err=True
        )


def missing_repository() -> str:
    """Return why DVC finds no git repository that has the project, or nothing if it finds one."""
    with needs_extra("pipeline", "dvc"):
        from dvc.scm import SCM, SCMError  # noqa: PLC0415 - an extra
    try:
        git = SCM(os.curdir)
    except SCMError:
        return "there is no git repository here"
    # As in a home folder that is a repository. DVC takes a pipeline that git ignores for none.
    return f"the git repository {one_line(git.root_dir)} ignores this folder" if git.is_ignored(PIPELINE) else ""


def check_outputs() -> None:
    """Check that DVC can take what lies where stages write, before it runs them for hours, or reads without end.

    Raises:
        KosbertError: a folder of outputs is a link out of the project, an output is a pipe or a device, or DVC is not
            installed; the message names the path.
    """
    with needs_extra("pipeline", "dvc"):
        from dvc.exceptions import DvcException  # noqa: PLC0415 - an extra
        from dvc.repo import Repo  # noqa: PLC0415
    try:
        repo = Repo()
        outputs = [Path(os.path.relpath(out.fspath)) for out in repo.index.outs]
    except DvcException:  # `dvc repro` will say why
        return
    if not repo.config["core"].get("no_scm"):  # else any place will do
        for folder in sorted({parent for output in outputs for parent in output.parents}):
            _check_link(folder)
    for path in (path for output in outputs for path in [output, *output.rglob("*")]):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise KosbertError(f"{path}: is neither a file nor a folder; delete it, then run this again")


def _check_link(folder: Path) -> None:
    target = Path(os.path.realpath(folder))  # unlike `resolve`, it takes a link to itself
    if folder.is_symlink() and not target.is_relative_to(Path.cwd()):
        raise KosbertError(
            f"{folder}: is a link to {target}, but DVC allows no outputs outside the project; make it a folder. "
            "To keep them on another disk: dvc cache dir --local /that/disk/cache && "
            "dvc config --local cache.type symlink"
        )


def _check_history() -> None:
    if missing := missing_repository():
        raise KosbertError(f"{missing}, so there is no history; use a clone of the project")
    if _leaves_git_alone():
        raise KosbertError(LEFT_ALONE)


def _leaves_git_alone() -> bool:
    """Return whether DVC is set to do without git.

    Raises:
        KosbertError: DVC cannot read its settings.
    """
    with needs_extra("pipeline", "dvc"):
        from dvc.config import Config, ConfigError  # noqa: PLC0415 - an extra
    try:
        return bool(Config(".dvc")["core"].get("no_scm"))
    except ConfigError as error:
        raise KosbertError(f".dvc: settings that DVC cannot read: {one_line(error)}") from error


def _command(*arguments: str) -> list[str]:
    with needs_extra("pipeline", f"dvc {arguments[0]}"):
        import dvc  # noqa: F401, PLC0415 - an extra, run as a program
    return [sys.executable, "-m", "dvc", *arguments]
