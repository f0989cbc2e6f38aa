"""All that a running stage may depend on: it is as it was written, and stays so.

DVC trusts the size and time of a file, and records what a stage depends on only after it has run. So a file that has
rotted would become metrics, and code that is edited during a run would be recorded beside the result of older code.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
import sys
from pathlib import Path

from kosbert.errors import KosbertError, one_line
from kosbert.files import dvc_md5
from kosbert.stage.lock import PARAMS, PIPELINE, Record, read_yaml, value

CODE = Path(__file__).parents[1]


class Watch:
    """All that a stage may depend on, as it was when the stage began."""

    def __init__(self, stage: str, inputs: list[Path], written: list[Record]) -> None:
        """Begin to watch.

        Args:
            stage: the stage.
            inputs: the files and folders that it reads.
            written: what is recorded of the outputs of stages.

        Raises:
            KosbertError: an input is not as a stage wrote it.
        """
        self._stage = stage
        read = [record for record in written if any(record.touches(each) for each in inputs)]
        unwritten = [each for each in inputs if not any(record.touches(each) for record in read)]
        self._data = [*(record.path for record in read), *unwritten]
        self._params, self._files = read_yaml(PARAMS), self._digests()
        for maker, path, md5 in read:
            if self._files[path] not in (None, md5):  # one that is missing is told when it is read
                raise KosbertError(
                    f"{path}: not as the stage {maker} wrote it (dvc.lock: {md5}, found: {self._files[path]}); "
                    "`kosbert verify --repair` restores damaged files; if you changed it yourself: "
                    f"`dvc commit {maker}`"
                )

    def check(self) -> None:
        """Check that nothing of it has changed.

        Raises:
            KosbertError: something that DVC records for this stage has.
        """
        files, params = self._digests(), read_yaml(PARAMS)
        edited = [path for path in sorted({*files, *self._files}) if files.get(path) != self._files.get(path)]
        if not edited and params == self._params:
            return
        paths, keys = _dependencies(self._stage)
        changed = [str(path) for path in edited if any(path.is_relative_to(each) for each in [*paths, PIPELINE])]
        changed += [f"{PARAMS}, {key}" for key in keys if value(params, key) != value(self._params, key)]
        if changed:
            raise KosbertError(
                f"{changed[0]}: changed while this stage ran, so its result does not match the project; "
                "run the same command again"
            )

    def _digests(self) -> dict[Path, str | None]:
        code = Path(os.path.relpath(CODE))
        files = [file for file in code.rglob("*") if file.is_file() and file.suffix != ".pyc"]
        paths = [*self._data, *files, Path(sys.argv[0]), PIPELINE]
        return {path: dvc_md5(path) if path.exists() else None for path in paths}


def _dependencies(stage: str) -> tuple[list[Path], list[str]]:
    """Return the paths and the parameters that DVC records for a stage."""
    from dvc.dependency import ParamsDependency
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        found = Repo().stage.load_one(name=stage).deps
    except DvcException as error:
        raise KosbertError(f"{PIPELINE}: changed while the stage {stage} ran: {one_line(error)}") from error
    paths = [Path(each.def_path) for each in found if not isinstance(each, ParamsDependency)]
    return paths, [key for each in found if isinstance(each, ParamsDependency) for key in each.params]
