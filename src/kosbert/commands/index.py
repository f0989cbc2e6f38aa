"""`kosbert index`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout


@click.command("index", cls=UserCommand, short_help="Build an index on disk, to search a large corpus.")
@click.argument("model", type=Model())
@click.argument("corpus", type=Input())
@click.argument("folder", type=Output(folder=True))
@options.column("Column of CORPUS with the sentences")
@options.layout
@options.max_length
@click.option("--exact", is_flag=True, help="Make no graph: search is slower, and misses nothing.")
@click.option(
    "--threads",
    type=click.IntRange(0, 1_024),
    default=0,
    help="Threads that build the graph; with 1, the same input gives the same bytes.  [default: one for each core]",
)
def index(
    model: str,
    corpus: Path,
    folder: Path,
    *,
    column: str | None,
    layout: Layout,
    max_length: int | None,
    exact: bool,
    threads: int,
) -> None:
    """Build an index of CORPUS in FOLDER, for `kosbert search MODEL FOLDER`.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    CORPUS is text or a table, with one sentence in each row; blank ones are left out. It need not fit in memory. If a
    build was stopped, give the same command again: what was encoded is kept.
    """
    from kosbert import load
    from kosbert.apps.index import build, check_new
    from kosbert.readers.texts import open_texts

    check_new(folder, exact=exact)
    with open_texts(corpus, column=column, layout=layout, tell=options.tell) as texts:
        rows = sum(1 for _ in texts.filled())  # a mistake in the last row is better known before a model is loaded
        if not rows:
            raise KosbertError(f"{corpus}: no texts in it")
        with load(model, max_length=max_length) as encoder:
            filled = (text for _, text in texts.filled())
            built = build(filled, encoder, folder, exact=exact, total=rows, threads=threads, max_length=max_length)
            options.tell_truncated(encoder, built.truncated, built.texts)  # each distinct text once
    options.say(f"{folder}: {built.rows:,} sentences, {built.texts:,} distinct ones{_recall(built.recall)}")


def _recall(recall: float | None) -> str:
    from kosbert.apps.hnsw import GOOD_RECALL

    if recall is None:
        return "; search is exact"
    advice = "" if recall >= GOOD_RECALL else ": of ten nearest it misses some; --exact finds all"
    return f"; recall at 10 of a sample against exact search: {recall:.3f}{advice}"
