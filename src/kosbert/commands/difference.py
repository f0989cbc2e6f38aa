"""`kosbert difference`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.errors import Command
from kosbert.files import write_text


@click.command("difference", cls=Command)
@click.argument("base")
@click.option("--out", type=options.OUTPUT, help="Write the Markdown to this file too, also on failure.")
def difference(base: str, out: Path | None) -> None:
    """Hold the figures here against those at BASE, a branch, tag or commit.

    Exits with 1 if one is lower by more than `report.drop_at_most` points, or its row has vanished.
    """
    from kosbert import params
    from kosbert.difference import compare, faults, report

    limit = params.load().report.drop_at_most
    found = compare(base)
    text = report(found, drop_at_most=limit)
    click.echo(text)
    if out:
        write_text(out, f"{text}\n")
    if faults(found, drop_at_most=limit):
        raise click.exceptions.Exit(1)
