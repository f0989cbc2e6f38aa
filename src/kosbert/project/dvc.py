"""DVC's own commands, run by the Python that runs here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError, needs_extra
from kosbert.stage import PIPELINE


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
        KosbertError: DVC is not installed, there is no pipeline here, or DVC refused, as for an unknown revision or a
            broken `dvc.yaml`; the message has DVC's own words.
    """
    check_here()
    done = subprocess.run(_command(*arguments), capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise KosbertError(f"dvc {arguments[0]}: {' '.join(errors) or done.stderr.strip()}")
    return json.loads(done.stdout)


def check_here() -> None:
    """Check that there is a pipeline in the working folder.

    Raises:
        KosbertError: there is none.
    """
    if not PIPELINE.exists():
        raise KosbertError(f"{PIPELINE}: not found; run this in the project's top folder")


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
            raise KosbertError(f"{path}: is neither a file nor a folder; delete it, and run this again")


def _check_link(folder: Path) -> None:
    target = Path(os.path.realpath(folder))  # unlike `resolve`, it takes a link to itself
    if folder.is_symlink() and not target.is_relative_to(Path.cwd()):
        raise KosbertError(
            f"{folder}: is a link to {target}, and DVC takes no outputs outside of the project; make it a folder. "
            "To keep them on another disk: dvc cache dir --local /that/disk/cache && "
            "dvc config --local cache.type symlink"
        )


def _command(*arguments: str) -> list[str]:
    with needs_extra("pipeline", f"dvc {arguments[0]}"):
        import dvc  # noqa: F401, PLC0415 - an extra, run as a program
    return [sys.executable, "-m", "dvc", *arguments]
