"""What a command reads and writes: an output may be neither an input nor another output of the same command."""

import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from kosbert.command import Command
from kosbert.errors import KosbertError
from kosbert.readers.layout import STANDARD_INPUT


class Input(click.Path):
    """A file or folder that a command reads; `-` is standard input."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)


class Model(click.types.StringParamType):
    """A model: a folder, or a name on a model hub."""


class Output(click.Path):
    """A file or folder that a command writes."""

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=folder)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's
        """Return the path of an output that can be replaced as a whole: a file, a folder, or nothing yet."""
        path = Path(value)
        if path == STANDARD_INPUT:
            self.fail("expected a file name; '-' is only for input", param, ctx)
        with suppress(OSError):  # the path does not exist yet, or is invalid, which writing reports
            plain = stat.S_IFMT(path.stat().st_mode) in (stat.S_IFREG, stat.S_IFDIR)
            # A path in /dev stands for something else; replacing it with a file would break that.
            if not plain or path.absolute().is_relative_to("/dev"):
                self.fail(f"'{path}' is a device or a pipe; expected a file", param, ctx)
        return super().convert(value, param, ctx)


class UserCommand(Command):
    """A command of `kosbert`: its arguments are text, and its outputs are not its inputs.

    Args:
        reads: what the command reads besides its arguments.
    """

    def __init__(self, *args: Any, reads: tuple[str, ...] = (), **options: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*args, **options)
        self._reads = reads

    def invoke(self, ctx: click.Context) -> object:
        """Check the arguments, and run the command.

        Raises:
            KosbertError: an output is an input or lies in one, two outputs are the same, or a text is no UTF-8.
        """
        for param, text in self._values(ctx, (click.types.StringParamType,)):
            _check_text(param, text)
        inputs = [("the project", Path(name)) for name in self._reads]
        inputs += [(_shown(param), Path(path)) for param, path in self._values(ctx, (Input, Model))]
        outputs = [(_shown(param), path) for param, path in self._values(ctx, (Output,))]
        for number, (name, path) in enumerate(outputs):
            for other, read in inputs:
                if _is_same(path, read) or _replaces_in(path, read):
                    raise KosbertError(f"{name} {path}: would overwrite an input ({other}); choose another path")
            for other, written in outputs[:number]:
                if _is_same(path, written):
                    raise KosbertError(f"{name} {path}: {other} writes to the same path; choose two paths")
        return super().invoke(ctx)

    def _values(self, ctx: click.Context, types: tuple[type, ...]) -> Iterator[tuple[click.Parameter, Any]]:
        for param in self.params:
            value = ctx.params.get(param.name or "") if isinstance(param.type, types) else None
            yield from ((param, each) for each in (value if isinstance(value, (tuple, list)) else [value]) if each)


def _shown(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else str(param.human_readable_name)


def _check_text(param: click.Parameter, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding().upper()
        raise KosbertError(
            f"{_shown(param)}: expected {encoding}, found other bytes ({text!a:.60}); set the terminal to UTF-8"
        ) from None


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two paths are of one file: by links, by upper and lower case, and by name if it is not there."""
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _replaces_in(path: Path, folder: Path) -> bool:
    """Return whether something lies at a path within a folder."""
    try:
        return path.exists() and any(parent.samefile(folder) for parent in path.resolve().parents)
    except OSError:  # the folder is not there, or the path cannot be one
        return False
