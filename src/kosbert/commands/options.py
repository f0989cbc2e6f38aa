"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

import click

from kosbert.readers.text_files import Quotes

Function = TypeVar("Function", bound=Callable[..., object])

OUTPUT = click.Path(path_type=Path, dir_okay=False)  # a file to write

quotes = click.option(
    "--quotes",
    type=click.Choice(get_args(Quotes)),
    default="auto",
    show_default=True,
    help='Whether a " that begins a field of a table quotes the field (csv, auto) or is a letter (letters).',
)


def column(what: str) -> Callable[[Function], Function]:
    """Return the option `--column`.

    Args:
        what: what the column is of and for; it begins the help text.
    """
    return click.option("--column", help=f"{what}.  [default: its only one, or sentence or text]")
