"""Options that several commands share, and the messages that they print beside their result."""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from collections.abc import Callable
from functools import wraps
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from kosbert.command import printable
from kosbert.errors import KosbertError
from kosbert.readers.layout import Format, Layout, Quotes

if TYPE_CHECKING:
    from kosbert.inference.encoder import BaseEncoder

Function = TypeVar("Function", bound=Callable[..., object])

FILES = """\
A text file has one row per line. A table is .tsv, .csv, .jsonl, .json, .parquet or .xlsx. Both may be compressed with
gzip or Zstandard; - reads standard input. What is detected in a file, such as an encoding, is reported.
"""

# DEL and what else of control codes JSON has as they are, and what turns the direction of writing.
CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

max_length = click.option(
    "--max-length",
    type=click.IntRange(min=8),
    help="Tokens to read per text.  [default: the model's own limit, 128 for ours]",
)


class FloatRange(click.FloatRange):
    """A number between two others; NaN, which click lets pass, is between none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's
        """Return the number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def column(what: str) -> Callable[[Function], Function]:
    """Return the option `--column`.

    Args:
        what: what the column holds; it begins the help text.
    """
    return click.option("--column", help=f"{what}.  [default: the only one, or sentence, text, 문장 or 텍스트]")


def layout(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how to read its files; it gets them together as `layout`."""

    @click.option(
        "--file-format", type=click.Choice(get_args(Format)), help="File format.  [default: from the file's extension]"
    )
    @click.option("--no-header", is_flag=True, help="The table has no header; its columns are numbered from 1.")
    @click.option("--encoding", help="Text encoding, such as cp949.  [default: detected, and reported if not UTF-8]")
    @click.option(
        "--quotes",
        type=click.Choice(get_args(Quotes)),
        default="auto",
        show_default=True,
        help='Whether " at the start of a field quotes the field (csv, auto) or is a letter (letters).',
    )
    @wraps(function)
    def with_layout(
        *, file_format: Format | None, no_header: bool, encoding: str | None, quotes: Quotes, **arguments: object
    ) -> object:
        layout = Layout(format=file_format, header=not no_header, quotes=quotes, encoding=encoding)
        return function(layout=layout, **arguments)

    with_layout.__doc__ = f"{cleandoc(function.__doc__ or '')}\n\n{FILES}"
    return with_layout


def say(line: str) -> None:
    """Print a line of the result."""
    click.echo(printable(line))


def escaped(text: str) -> str:
    """Return JSON with an equivalent escape in place of each character that a terminal would act on."""
    return CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], text)


def tell(line: str) -> None:
    """Print a message that is not part of the result."""
    click.echo(printable(line), err=True)


def shows_any_character() -> bool:
    """Return whether standard output can encode every character, as UTF-8 can."""
    return codecs.lookup(_encoding()).name.startswith("utf")


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def check_encodable(text: str) -> None:
    """Check that standard output can encode a text.

    Raises:
        KosbertError: its encoding lacks a character.
    """
    encoding = _encoding()
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        lacking = text[error.start]
        raise KosbertError(
            f"standard output is {encoding}, which lacks {lacking!a}; write to a file with --out"
        ) from error


def _encoding() -> str:
    """Return the encoding of standard output, which may be closed."""
    return (sys.stdout and sys.stdout.encoding) or "utf-8"


def tell_truncated(encoder: BaseEncoder, truncated: int, texts: int) -> None:
    """Report how many texts were truncated, if any were."""
    if truncated:
        more = f"; --max-length allows up to {encoder.most_tokens:,}" if _reads_less(encoder) else ""
        tell(f"{truncated:,} of {texts:,} texts have more than {encoder.max_length:,} tokens and were truncated{more}")


def _reads_less(encoder: BaseEncoder) -> bool:
    return bool(encoder.max_length and encoder.most_tokens and encoder.max_length < encoder.most_tokens)
