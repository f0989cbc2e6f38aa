"""What every stage shares: it reads what was written, and what it depends on stays as it is while it runs.

DVC trusts the size and time of a file, and records what a stage depends on only after it has run. So a file that has
rotted would become metrics, and code that is edited during a run would be recorded beside the result of older code.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click

from kosbert.command import Command
from kosbert.errors import KosbertError, needs_extra, one_line

CODE = Path(__file__).parent
PIPELINE, LOCK, PARAMS = Path("dvc.yaml"), Path("dvc.lock"), Path("params.yaml")
STAGE = "DVC_STAGE"  # the variable in which DVC tells a stage its name
WATCH = f"{__name__}.watch"


class Input(click.Path):
    """A file or folder that stages have written and this one reads."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class Stage(Command):
    """The command of a stage. Run by DVC, it fails where its inputs are not as they were written, or change."""

    def __init__(self, name: str, *, callback: Callable[..., object], **options: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(name, callback=_guarded(callback), **options)


def check_unchanged() -> None:
    """Check that nothing that the running stage depends on has changed since it began; before it writes anything.

    Raises:
        KosbertError: something has; the message names it.
    """
    context = click.get_current_context(silent=True)
    if context and WATCH in context.meta:
        context.meta[WATCH].check()


def written_by_stages(path: Path) -> dict[Path, tuple[str, str]]:
    """Return what `dvc.lock` tells of the outputs at a path, below it or above it: of each, its stage and DVC's MD5."""
    return {
        out: (stage, md5)
        for stage, out, md5 in recorded("outs")
        if path.is_relative_to(out) or out.is_relative_to(path)
    }


def recorded(kind: Literal["deps", "outs"]) -> Iterator[tuple[str, Path, str]]:
    """Yield the stage, path and MD5 of each dependency or output in `dvc.lock`."""
    pipeline = _read_yaml(PIPELINE).get("stages", {})
    for stage, entry in _read_yaml(LOCK).get("stages", {}).items():
        if stage.partition("@")[0] in pipeline:  # DVC leaves stages in its file that are no more
            yield from ((stage, Path(each["path"]), each["md5"]) for each in entry.get(kind, []) if "md5" in each)


def _read_yaml(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(path) or {} if path.is_file() else {}
    except YAMLError as error:
        raise KosbertError(f"{path}: not YAML: {one_line(error)}") from error


def _guarded(function: Callable[..., object]) -> Callable[..., object]:
    @wraps(function)
    def run(**values: Any) -> object:  # noqa: ANN401 - the stage's
        context = click.get_current_context()
        # Of several processes that train together, one checks for all.
        if STAGE in os.environ and os.environ.get("RANK", "0") == "0":
            names = [param.name or "" for param in context.command.params if isinstance(param.type, Input)]
            context.meta[WATCH] = _Watch(os.environ[STAGE].rpartition(":")[2], [values[name] for name in names])
        with needs_extra("pipeline", "The pipeline"):
            result = function(**values)
        check_unchanged()
        return result

    return run


class _Watch:
    """All that a stage may depend on, as it was when the stage began."""

    def __init__(self, stage: str, inputs: list[Path]) -> None:
        self._stage = stage
        written = {each: written_by_stages(each) for each in inputs}
        self._data = [path for each, outputs in written.items() for path in outputs or [each]]
        self._params, self._files = _read_yaml(PARAMS), self._digests()
        for path, (maker, expected) in (output for outputs in written.values() for output in outputs.items()):
            if self._files[path] not in (None, expected):  # one that is missing is told when it is read
                raise KosbertError(
                    f"{path}: not as the stage {maker} wrote it (dvc.lock: {expected}, found: {self._files[path]}); "
                    f"`kosbert verify --repair` mends what is damaged; if you changed it yourself: `dvc commit {maker}`"
                )

    def check(self) -> None:
        """Check that nothing of it has changed.

        Raises:
            KosbertError: something that DVC records for this stage has.
        """
        files, params = self._digests(), _read_yaml(PARAMS)
        edited = [path for path in sorted({*files, *self._files}) if files.get(path) != self._files.get(path)]
        if not edited and params == self._params:
            return
        paths, keys = _dependencies(self._stage)
        changed = [str(path) for path in edited if any(path.is_relative_to(each) for each in [*paths, PIPELINE])]
        changed += [f"{PARAMS}, {key}" for key in keys if _value(params, key) != _value(self._params, key)]
        if changed:
            raise KosbertError(
                f"{changed[0]}: changed while this stage ran, so its result is not that of the project as it is now; "
                "run the same command again"
            )

    def _digests(self) -> dict[Path, str | None]:
        from kosbert.files import dvc_md5

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


def _value(params: Any, key: str) -> Any:  # noqa: ANN401 - as YAML has it
    for name in key.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return params
