"""`kosbert search`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.command import Command
from kosbert.commands import options
from kosbert.errors import KosbertError, one_line
from kosbert.readers.text_files import Quotes

if TYPE_CHECKING:
    from kosbert.apps.search import Hit


@click.command("search", cls=Command, short_help="Find the sentences nearest in meaning to a query.")
@click.argument("model")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("query", nargs=-1)
@click.option(
    "--queries", "file", type=click.Path(path_type=Path), help="File with queries: text or a table, as CORPUS."
)
@options.column("Column of CORPUS with the sentences")
@click.option("--query-column", help="Column of that file with the queries.  [default: likewise]")
@options.quotes
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Number of sentences shown for each query."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each query.")
def search(
    model: str,
    corpus: Path,
    query: tuple[str, ...],
    *,
    file: Path | None,
    column: str | None,
    query_column: str | None,
    quotes: Quotes,
    top: int,
    as_json: bool,
) -> None:
    """Find the sentences of CORPUS that are nearest to each QUERY in meaning, by the cosine of their embeddings.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    CORPUS is text in UTF-8 with one sentence on each line, a table (.tsv, .csv, .parquet), or a folder that `kosbert
    index` made. Blank texts are left out, and rows are counted from 1 without them.
    """
    import json

    from kosbert import load
    from kosbert.apps import index
    from kosbert.apps.search import SentenceIndex
    from kosbert.readers.texts import read_filled

    if query_column and not file:
        raise click.UsageError("--query-column is for a file of queries: --queries FILE")
    if column and corpus.is_dir():
        raise click.UsageError("--column is for a file; an index has its sentences already")
    queries = [*query, *(read_filled(file, column=query_column, quotes=quotes) if file else [])]
    if not queries:
        raise click.UsageError("nothing to search for: give a QUERY, or --queries FILE")
    if any(not text.strip() for text in queries):
        raise KosbertError("a QUERY is blank; expected a text")
    if corpus.is_dir():
        index.describe(corpus)  # a folder that is no index is refused before a model is loaded
        found = index.open_index(corpus, load(model))
    else:
        sentences = read_filled(corpus, column=column, quotes=quotes)
        _fits(top, len(sentences), corpus)
        found = SentenceIndex.from_sentences(sentences, load(model))
    _fits(top, len(found), corpus)
    for text, hits in zip(queries, found.search(queries, top=top), strict=True):
        if as_json:
            shown = [{"row": hit.row + 1, "score": round(hit.score, 6), "text": hit.text} for hit in hits]
            click.echo(json.dumps({"query": text, "hits": shown}, ensure_ascii=False))
        else:
            click.echo(f"{one_line(text)}\n{_table(hits)}\n")


def _fits(top: int, count: int, corpus: Path) -> None:
    if top > count:
        raise KosbertError(f"{corpus}: --top {top} of {count} sentences; expected {count} or fewer")


def _table(hits: list[Hit]) -> str:
    from tabulate import tabulate

    rows = [[hit.row + 1, hit.score, one_line(hit.text)] for hit in hits]
    return tabulate(
        rows, headers=["row", "cosine", "sentence"], floatfmt=".3f", tablefmt="simple", disable_numparse=[2]
    )
