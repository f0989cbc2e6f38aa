"""`kosbert export`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path
from typing import Literal

import click

from kosbert.errors import Command


@click.command("export", cls=Command)
@click.argument("model")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; it may not exist yet.")
@click.option("--precision", type=click.Choice(["fp32", "int8"]), default="fp32", show_default=True)
@click.option("--check", type=click.Path(path_type=Path), help="Texts to check on, instead of some built-in ones.")
@click.option("--column", help="Column of the texts, if that file is a table.")
def export(
    model: str, *, out: Path, precision: Literal["fp32", "int8"], check: Path | None, column: str | None
) -> None:
    """Export MODEL to OpenVINO: pooling, normalisation and prompt included, checked against the original.

    MODEL is the folder of a sentence-transformers model, or its name on the hub.
    """
    from kosbert.apps import export as work
    from kosbert.data.texts import read_filled

    texts = work.SENTENCES if check is None else read_filled(check, column=column)
    lowest = work.export(model, out, precision=precision, texts=texts)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    click.echo(
        f"{out}: {size:.1f} MB in {precision}, lowest cosine with the original {lowest:.5f} of {len(texts):,} texts"
    )
