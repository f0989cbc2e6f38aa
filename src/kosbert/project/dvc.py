"""DVC's own commands, run by the Python that runs here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError, needs_extra


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
    if not Path("dvc.yaml").exists():
        raise KosbertError("dvc.yaml: not found; run this in the project's top folder")
    done = subprocess.run(_command(*arguments), capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise KosbertError(f"dvc {arguments[0]}: {' '.join(errors) or done.stderr.strip()}")
    return json.loads(done.stdout)


def _command(*arguments: str) -> list[str]:
    with needs_extra("pipeline", f"dvc {arguments[0]}"):
        import dvc  # noqa: F401, PLC0415 - an extra, run as a program
    return [sys.executable, "-m", "dvc", *arguments]
