"""The one kind of error a user sees: a clear line, and no traceback.

Library functions raise `KosbertError`; every command is a `Command`, which also turns the failures of the
operating system (full disk, no permission) into such a line.
"""

import sys
from types import TracebackType

import click


class KosbertError(click.ClickException):
    """What went wrong, where, what was expected, and what to do about it."""


def one_line(text: object) -> str:
    """Return a text, or what an error says, without line breaks and codes that a terminal or an SVG would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say of Ctrl-C what click says of it; for it mostly comes while a stage loads its libraries, before click runs."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("\nAborted!\n")
    else:
        sys.__excepthook__(kind, error, trace)


if sys.excepthook is sys.__excepthook__:  # nobody else has one: no debugger, no notebook
    sys.excepthook = _without_traceback


class Command(click.Command):
    """A click command under which no failure of the user's surroundings shows a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            KosbertError: in place of an `OSError`, with its file and reason.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of a pipe has gone: click ends quietly
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise KosbertError(f"{where}{error.strerror or error}") from error
