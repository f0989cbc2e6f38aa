"""What several commands take, and say in the same words."""

from pathlib import Path
from typing import get_args

import click

from kosbert.data.pairs import Quotes

OUTPUT = click.Path(path_type=Path, dir_okay=False)  # a file to write

quotes = click.option(
    "--quotes",
    type=click.Choice(get_args(Quotes)),
    default="auto",
    show_default=True,
    help='A " that begins a field of a table: it quotes the field (csv, auto), or is a letter (letters).',
)
