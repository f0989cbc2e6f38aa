"""What DVC knows of metrics, parameters and experiments: its own commands, asked for JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError


def ask(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
    """Return what `dvc <arguments>` answers; they have to ask for JSON.

    Raises:
        KosbertError: there is no pipeline here, or DVC refused: an unknown revision, a broken `dvc.yaml`; its own words
            say which.
    """
    if not Path("dvc.yaml").exists():
        raise KosbertError("dvc.yaml: not found; run this in the project's top folder")
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise KosbertError(f"dvc {arguments[0]}: {' '.join(said) or done.stderr.strip()}")
    return json.loads(done.stdout)
