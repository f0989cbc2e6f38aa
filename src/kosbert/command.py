"""What every command shares, `kosbert`'s and the stages': errors as one line, and libraries that keep quiet.

A command imports what it needs when it runs: so help comes at once, and Ctrl-C is answered in one line also while the
libraries are being loaded.
"""

import io
import logging
import os
import sys
from typing import Any

import click

from kosbert.errors import KosbertError


class Command(click.Command):
    """A click command under which no failure of the user's surroundings shows a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's
        """Run the command as a program."""
        prepare_output()
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            KosbertError: in place of an `OSError`, with its file and reason.
        """
        prepare_process()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of a pipe has gone: click ends quietly
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise KosbertError(f"{where}{error.strerror or error}") from error


def prepare_output() -> None:
    """Show characters that the terminal's encoding lacks as escapes, where Python would fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def prepare_process() -> None:
    """Set up this process for a command, before the libraries are imported.

    A command says itself what there is to say, so transformers and sentence-transformers report errors alone. oneDNN,
    and PyTorch's code around it, each keep code for the last 1,024 shapes of a matrix product, and nearly every batch
    has another shape: that takes 0.5 GB. A batch has some 30 shapes at most, a training step 60, so 64 are enough.
    """
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    for name, value in {
        "TRANSFORMERS_VERBOSITY": "error",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
        "LRU_CACHE_CAPACITY": "64",
    }.items():
        os.environ.setdefault(name, value)
