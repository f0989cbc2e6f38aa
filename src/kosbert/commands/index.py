"""`kosbert index`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from itertools import chain
from pathlib import Path

import click

from kosbert.command import Command
from kosbert.commands import options
from kosbert.errors import KosbertError
from kosbert.readers.text_files import Quotes


@click.command("index", cls=Command, short_help="Build an index on disk, to search a large corpus.")
@click.argument("model")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@options.column("Column of CORPUS with the sentences")
@options.quotes
@click.option("--exact", is_flag=True, help="Make no graph: search is slower, and misses nothing.")
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    help="Threads that build the graph; with 1, the same input gives the same bytes.  [default: one for each core]",
)
def index(
    model: str, corpus: Path, folder: Path, *, column: str | None, quotes: Quotes, exact: bool, threads: int
) -> None:
    """Build an index of CORPUS in FOLDER, for `kosbert search MODEL FOLDER`.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    CORPUS is text in UTF-8 with one sentence on each line, or a table (.tsv, .csv, .parquet). It need not fit in
    memory. If a build was stopped, give the same command again: what was encoded is kept.
    """
    from kosbert import load
    from kosbert.apps.index import build, check_new
    from kosbert.readers.texts import read_texts

    check_new(folder, exact=exact)
    texts = (text for text in read_texts(corpus, column=column, quotes=quotes) if text.strip())
    first = next(texts, None)  # a bad file is found before a model is loaded
    if first is None:
        raise KosbertError(f"{corpus}: no texts in it")
    with load(model) as encoder:
        build(chain([first], texts), encoder, folder, exact=exact, threads=threads)
