"""What several commands take."""

from pathlib import Path
from typing import get_args

import click

from kosbert.data.pairs import Quotes

OUTPUT = click.Path(path_type=Path, dir_okay=False)  # a file to write

column = click.option("--column", help="Of a table: its only one, sentence or text, if this is not given.")
quotes = click.option(
    "--quotes", type=click.Choice(get_args(Quotes)), default="auto", show_default=True, help="How to read quotes."
)
