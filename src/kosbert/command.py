"""What every command shares, `kosbert`'s and the stages': errors as one line, and libraries that keep quiet.

A command imports what it needs when it runs: so help comes at once, and Ctrl-C is answered in one line also while the
libraries are being loaded.
"""

import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from kosbert.errors import KosbertError


class Program(click.Command):
    """A click command as a program: whatever its terminal and its locale are, and whatever an error quotes.

    Attributes:
        examples: command lines that its help ends with.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:  # noqa: ANN401 - click's
        """Take examples beside what click takes."""
        super().__init__(*args, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, unwrapped, so that they can be copied."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's
        """Run the program."""
        prepare_output()
        return super().main(*args, **options)

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **options: Any) -> click.Context:  # noqa: ANN401
        """Read the arguments.

        Raises:
            KosbertError: one of them is no text in the encoding of the locale.
        """
        with _printable_errors():
            for argument in args:
                _check_encoding(argument)
            return super().make_context(info_name, args, *more, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Run what the arguments ask for."""
        with _printable_errors():
            return super().invoke(ctx)


class Command(Program):
    """A command under which no failure of the user's surroundings shows a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        Raises:
            KosbertError: in place of an `OSError`, with its file and reason; memory does not suffice.
        """
        prepare_process()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of a pipe has gone: click ends quietly
        except MemoryError as error:
            raise KosbertError("not enough memory; raise the limit (ulimit -v), or close other programs") from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise KosbertError(f"{where}{error.strerror or error}") from error


def prepare_output() -> None:
    """Show characters that the terminal's encoding lacks as escapes, where Python would fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Return a text as a terminal can show it, whoever wrote it: control codes, which move the cursor, are escaped."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )


@contextmanager
def _printable_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        message = error.format_message()
        if message == printable(message):
            raise
        if isinstance(error, click.UsageError):
            raise click.UsageError(printable(message), error.ctx) from error
        raise KosbertError(printable(message)) from error


def _check_encoding(argument: str) -> None:
    """Check that the system can be given an argument back, such as the name of a file."""
    try:
        os.fsencode(argument)
    except UnicodeEncodeError as error:
        raise KosbertError(
            f"{argument!a:.60}: not text in {error.encoding}, the encoding of this locale; set LC_ALL to a UTF-8 locale"
        ) from None


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
