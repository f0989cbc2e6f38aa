"""Options that several commands share, and what they tell beside their result."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from functools import wraps
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from kosbert.errors import KosbertError
from kosbert.readers.layout import Format, Layout, Quotes

if TYPE_CHECKING:
    from kosbert.inference.encoder import BaseEncoder

Function = TypeVar("Function", bound=Callable[..., object])

FILES = """\
Text has a row on each line. A table is .tsv, .csv, .jsonl, .json, .parquet or .xlsx. Both may be compressed with gzip
or Zstandard; - is standard input. What was found in a file and not said, such as its encoding, is told.
"""

max_length = click.option(
    "--max-length",
    type=click.IntRange(min=8),
    help="Number of tokens of a text that are read.  [default: the model's own, 128 for ours]",
)


def column(what: str) -> Callable[[Function], Function]:
    """Return the option `--column`.

    Args:
        what: what the column is of and for; it begins the help text.
    """
    return click.option("--column", help=f"{what}.  [default: its only one, or sentence, text, 문장 or 텍스트]")


def layout(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how its files are to be read; it gets them together as `layout`."""

    @click.option(
        "--file-format", type=click.Choice(get_args(Format)), help="Format of the file.  [default: as its name ends]"
    )
    @click.option("--no-header", is_flag=True, help="The table has no header; columns have numbers, from 1 on.")
    @click.option("--encoding", help="Encoding of the file, such as cp949.  [default: found, and told if not UTF-8]")
    @click.option(
        "--quotes",
        type=click.Choice(get_args(Quotes)),
        default="auto",
        show_default=True,
        help='Whether a " that begins a field of a table quotes the field (csv, auto) or is a letter (letters).',
    )
    @wraps(function)
    def with_layout(
        *, file_format: Format | None, no_header: bool, encoding: str | None, quotes: Quotes, **arguments: object
    ) -> object:
        layout = Layout(format=file_format, header=not no_header, quotes=quotes, encoding=encoding)
        return function(layout=layout, **arguments)

    with_layout.__doc__ = f"{cleandoc(function.__doc__ or '')}\n\n{FILES}"
    return with_layout


def tell(line: str) -> None:
    """Tell the user something beside the result."""
    click.echo(line, err=True)


def shows_any_character() -> bool:
    """Return whether standard output takes every character, as UTF-8 does."""
    return codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")


def check_encodable(text: str) -> None:
    """Check that standard output takes a text as it is.

    Raises:
        KosbertError: its encoding lacks a character.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        lacking = text[error.start]
        raise KosbertError(
            f"standard output is {encoding}, which lacks {lacking!a}; write a file with --out"
        ) from error


def tell_truncated(encoder: BaseEncoder, truncated: int, texts: int) -> None:
    """Tell how many texts were cut, if any were."""
    if truncated:
        more = f"; --max-length reads up to {encoder.most_tokens:,}" if _reads_less(encoder) else ""
        what = f"{truncated:,} of {texts:,} texts have more than {encoder.max_length:,} tokens"
        tell(f"{what}, and the rest of them was not read{more}")


def _reads_less(encoder: BaseEncoder) -> bool:
    return bool(encoder.max_length and encoder.most_tokens and encoder.max_length < encoder.most_tokens)
