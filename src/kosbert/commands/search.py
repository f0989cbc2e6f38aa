"""`kosbert search`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, UserCommand
from kosbert.errors import KosbertError, one_line
from kosbert.readers.layout import STANDARD_INPUT, Layout

if TYPE_CHECKING:
    from kosbert.apps.search import Hit


@click.command(
    "search",
    cls=UserCommand,
    short_help="Find the sentences nearest in meaning to a query.",
    examples=(
        'kosbert search models/best corpus.txt "비 오는 날씨" --top 3',
        "kosbert search models/best corpus.parquet --queries queries.csv --json",
    ),
)
@click.argument("model", type=Model())
@click.argument("corpus", type=Input())
@click.argument("query", nargs=-1)
@click.option("--queries", "file", type=Input(), help="Text file or table with queries.")
@options.column("Column with the sentences, in a table")
@click.option("--query-column", help="Column with the queries, in a table.  [default: as for --column]")
@options.layout
@options.max_length
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of sentences to show per query.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per query.")
def search(
    model: str,
    corpus: Path,
    query: tuple[str, ...],
    *,
    file: Path | None,
    column: str | None,
    query_column: str | None,
    layout: Layout,
    max_length: int | None,
    top: int,
    as_json: bool,
) -> None:
    """Find the sentences of CORPUS that are nearest to each QUERY in meaning, by the cosine of their embeddings.

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.

    CORPUS is a text file or a table with one sentence per row, or an index that `kosbert index` made. Blank rows are
    skipped. Rows are counted from 1, without blank ones.
    """
    import json

    from kosbert import load
    from kosbert.apps import index
    from kosbert.apps.search import SentenceIndex
    from kosbert.data.tables import is_blank
    from kosbert.readers.texts import read_filled

    if query_column and not file:
        raise click.UsageError("--query-column needs a file with queries: --queries FILE")
    if column and corpus.is_dir():
        raise click.UsageError("--column is for a file; an index already has its sentences")
    if file == corpus == STANDARD_INPUT:
        raise click.UsageError("standard input can be CORPUS or --queries, not both")
    listed = read_filled(file, column=query_column, layout=layout, tell=options.tell) if file else []
    queries = [*query, *listed]
    if not queries:
        raise click.UsageError("no query: give a QUERY or --queries FILE")
    if any(map(is_blank, queries)):
        raise KosbertError("a QUERY is blank; expected a text")
    if corpus.is_dir():
        about = index.describe(corpus)  # a folder that is no index is refused before a model is loaded
        encoder = load(model, max_length=max_length or about["max_length"])
        found = index.open_index(corpus, encoder)
    else:
        sentences = read_filled(corpus, column=column, layout=layout, tell=options.tell)
        encoder = load(model, max_length=max_length)
        found = SentenceIndex.from_sentences(sentences, encoder)
        options.tell_truncated(encoder, encoder.count_truncated(sentences), len(sentences))
    options.tell_truncated(encoder, encoder.count_truncated(queries), len(queries))
    ascii_only = not options.shows_any_character()
    for text, hits in zip(queries, found.search(queries, top=top), strict=True):
        if as_json:
            shown = [{"row": hit.row + 1, "score": round(hit.score, 6), "text": hit.text} for hit in hits]
            click.echo(options.escaped(json.dumps({"query": text, "hits": shown}, ensure_ascii=ascii_only)))
        else:
            click.echo(f"{one_line(text)}\n{_table(hits)}\n")


def _table(hits: list[Hit]) -> str:
    from tabulate import tabulate

    rows = [[hit.row + 1, hit.score, one_line(hit.text)] for hit in hits]
    return tabulate(
        rows, headers=["row", "cosine", "sentence"], floatfmt=".3f", tablefmt="simple", disable_numparse=[2]
    )
