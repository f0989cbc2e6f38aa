"""What several commands take, and say in the same words."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

import click

from kosbert.readers.pairs import Quotes

Function = TypeVar("Function", bound=Callable[..., object])

OUTPUT = click.Path(path_type=Path, dir_okay=False)  # a file to write

quotes = click.option(
    "--quotes",
    type=click.Choice(get_args(Quotes)),
    default="auto",
    show_default=True,
    help='A " that begins a field of a table: it quotes the field (csv, auto), or is a letter (letters).',
)


def column(what: str) -> Callable[[Function], Function]:
    """Give a command the option that names the column of a table, as `data.texts` takes it."""
    return click.option("--column", help=f"{what}.  [default: its only one, or sentence or text]")
