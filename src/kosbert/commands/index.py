"""`kosbert index`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from itertools import chain
from pathlib import Path

import click

from kosbert.commands import options
from kosbert.data.pairs import Quotes
from kosbert.errors import Command, KosbertError


@click.command("index", cls=Command)
@click.argument("model")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@options.column
@options.quotes
@click.option("--exact", is_flag=True, help="Make no graph: slower search that misses nothing.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="To build the graph; all cores if not given.")
def index(
    model: str, corpus: Path, folder: Path, *, column: str | None, quotes: Quotes, exact: bool, threads: int
) -> None:
    """Build an index of CORPUS in FOLDER, for `kosbert search MODEL FOLDER`.

    MODEL and CORPUS are as in `kosbert search`; CORPUS need not fit in memory. A build that was stopped goes on where
    it was when the same command is given again.
    """
    from kosbert.apps import embedder
    from kosbert.apps.index import build
    from kosbert.data.texts import read_texts

    texts = (text for text in read_texts(corpus, column=column, quotes=quotes) if text.strip())
    first = next(texts, None)  # a bad file is found before a model is loaded
    if first is None:
        raise KosbertError(f"{corpus}: no texts in it")
    build(chain([first], texts), embedder.load(model), folder, exact=exact, threads=threads)
