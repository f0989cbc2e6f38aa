"""What DVC does not say of an experiment: that its result will be lost, and that its settings stay when it fails."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
import subprocess
from pathlib import Path
from typing import Any

from kosbert.errors import KosbertError, one_line
from kosbert.stage.lock import PARAMS

BASELINE = "DVC_EXP_BASELINE_REV"  # the variable in which `dvc exp run` tells a stage the commit that it begins at
COPIES = "/.dvc/tmp/exps/"  # where DVC runs what is queued or `--temp`: in copies of the project


def check_history() -> None:
    """Check, where DVC runs an experiment in a copy of the project, that the project can take over the result.

    Raises:
        KosbertError: the project is a shallow clone.
    """
    project, copy, _ = Path.cwd().as_posix().partition(COPIES)
    if copy and _git("-C", project, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise KosbertError(
            f"{project}: a shallow clone; DVC needs the history to keep the results of `dvc exp run --temp` and "
            "the queue; run: git fetch --unshallow"
        )


def changed_settings() -> str:
    """Return a line on what differs from the commit in the parameters of a running experiment.

    It is empty outside of `dvc exp run`, where a user has changed them by hand, and in a copy, which does not stay.
    """
    if BASELINE not in os.environ or COPIES in Path.cwd().as_posix():
        return ""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        committed = _git("show", f"{os.environ[BASELINE]}:./{PARAMS}")
        before, now = (_flat(YAML(typ="safe").load(text)) for text in (committed, PARAMS.read_bytes()))
    except (OSError, YAMLError):
        return ""  # the stage's own error is what counts
    keys = [key for key in {**before, **now} if committed and before.get(key) != now.get(key)]
    changed = ", ".join(f"{key} ({before.get(key, 'none')}, now {now.get(key, 'none')})" for key in keys)
    return changed and (
        f"{PARAMS} differs from the last commit: {one_line(changed, 300)}. "
        f"DVC keeps the change, and the next experiment adds to it; to undo it: git checkout HEAD {PARAMS}"
    )


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=False).stdout


def _flat(values: Any, key: str = "") -> dict[str, str]:  # noqa: ANN401 - as YAML has it
    if not isinstance(values, dict) or not values:
        return {key: "null" if values is None else one_line(values, 40)}
    return {name: text for each in values for name, text in _flat(values[each], f"{key}.{each}".strip(".")).items()}
