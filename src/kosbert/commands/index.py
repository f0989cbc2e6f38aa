"""`kosbert index`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout


@click.command(
    "index",
    cls=UserCommand,
    short_help="Build an index to search a large corpus.",
    examples=(
        "kosbert index models/best corpus.parquet index",
        'kosbert search models/best index "비 오는 날씨"',
    ),
)
@click.argument("model", type=Model())
@click.argument("corpus", type=Input())
@click.argument("folder", type=Output(folder=True))
@options.column("Column with the sentences, in a table")
@options.layout
@options.max_length
@click.option("--exact", is_flag=True, help="Build no graph: search is slower but exact.")
@click.option(
    "--threads",
    type=click.IntRange(0, 1_024),
    default=0,
    help="Threads that build the graph; with 1, the same input gives the same bytes.  [default: one per core]",
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

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.

    CORPUS is a text file or a table with one sentence per row. Blank rows are skipped. It may be larger than memory. To
    resume an interrupted build, repeat the command: sentences that are already encoded are kept.
    """
    from kosbert import load
    from kosbert.apps.index import build, check_new
    from kosbert.readers.texts import open_texts

    check_new(folder, exact=exact)
    with open_texts(corpus, column=column, layout=layout, tell=options.tell) as texts:
        rows = sum(1 for _ in texts.filled())  # an error in the last row shows before the model is loaded
        if not rows:
            raise KosbertError(f"{corpus}: no texts in it")
        with load(model, max_length=max_length) as encoder:
            filled = (text for _, text in texts.filled())
            built = build(filled, encoder, folder, exact=exact, total=rows, threads=threads, max_length=max_length)
            options.tell_truncated(encoder, built.truncated, built.texts)  # each distinct text once
    options.say(f"{folder}: {built.rows:,} sentences, {built.texts:,} of them distinct{_recall(built.recall)}")


def _recall(recall: float | None) -> str:
    from kosbert.apps.hnsw import GOOD_RECALL

    if recall is None:
        return "; search is exact"
    advice = "" if recall >= GOOD_RECALL else ": some of the ten nearest are missed; --exact finds all"
    return f"; recall at 10 on a sample, against exact search: {recall:.3f}{advice}"
