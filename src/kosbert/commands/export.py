"""`kosbert export`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path
from typing import Literal

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.readers.layout import Layout


@click.command("export", cls=UserCommand, short_help="Export a model to OpenVINO, in fp32 or int8.")
@click.argument("model", type=Model())
@click.option("--out", required=True, type=Output(folder=True), help="Folder to write; it must not exist.")
@click.option(
    "--precision", type=click.Choice(["fp32", "int8"]), default="fp32", show_default=True, help="Of the weights."
)
@click.option("--check", type=Input(), help="File with texts to check on.  [default: a few built-in ones]")
@options.column("Column of that file, if it is a table")
@options.layout
def export(
    model: str,
    *,
    out: Path,
    precision: Literal["fp32", "int8"],
    check: Path | None,
    column: str | None,
    layout: Layout,
) -> None:
    """Export MODEL to OpenVINO: pooling, normalisation and prompt included, checked against the original.

    MODEL is the folder of a sentence-transformers model, or its name on the hub.
    """
    from kosbert.inference import export as exporting
    from kosbert.readers.texts import read_filled

    texts = (
        exporting.SENTENCES if check is None else read_filled(check, column=column, layout=layout, tell=options.tell)
    )
    lowest = exporting.export(model, out, precision=precision, texts=texts)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    click.echo(
        f"{out}: {size:.1f} MB in {precision}, lowest cosine with the original {lowest:.5f} among {len(texts):,} texts"
    )
