"""The command of a stage: run by DVC, it fails where its inputs are not as they were written, or change meanwhile."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from kosbert.command import Command
from kosbert.errors import KosbertError, needs_extra

STAGE = "DVC_STAGE"  # the variable in which DVC tells a stage its name
WATCH = f"{__name__}.watch"


class Input(click.Path):
    """A file or folder that stages have written and this one reads."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class Stage(Command):
    """The command of a stage."""

    def __init__(self, name: str, *, callback: Callable[..., object], **options: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(name, callback=_guarded(callback), **options)

    def invoke(self, ctx: click.Context) -> object:
        """Run the stage; if it fails in an experiment, say which settings stay.

        Raises:
            KosbertError: the stage has failed.
        """
        try:
            return super().invoke(ctx)
        except (KosbertError, KeyboardInterrupt) as error:
            from kosbert.stage.experiment import changed_settings

            changed = changed_settings()
            if isinstance(error, KosbertError):
                raise KosbertError(f"{error.message}\n{changed}".rstrip()) from error
            if changed:
                click.echo(f"\n{changed}", err=True)
            raise


def check_unchanged() -> None:
    """Check that nothing that the running stage depends on has changed since it began; before it writes anything.

    Raises:
        KosbertError: something has; the message names it.
    """
    context = click.get_current_context(silent=True)
    if context and WATCH in context.meta:
        context.meta[WATCH].check()


def _guarded(function: Callable[..., object]) -> Callable[..., object]:
    @wraps(function)
    def run(**values: Any) -> object:  # noqa: ANN401 - the stage's
        context = click.get_current_context()
        # Of several processes that train together on a host, one checks for all.
        if STAGE in os.environ and os.environ.get("LOCAL_RANK", "0") == "0":
            from kosbert.stage.experiment import check_history
            from kosbert.stage.leftovers import clear
            from kosbert.stage.lock import recorded
            from kosbert.stage.watch import Watch

            inputs = [values[param.name or ""] for param in context.command.params if isinstance(param.type, Input)]
            check_history()
            written, gone = recorded("outs")
            clear(inputs, written, gone)
            context.meta[WATCH] = Watch(os.environ[STAGE].rpartition(":")[2], inputs, written)
        with needs_extra("pipeline", "The pipeline"):
            result = function(**values)
        check_unchanged()
        return result

    return run
