"""`kosbert difference`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.errors import Command
from kosbert.files import write_text


@click.command("difference", cls=Command, short_help="Compare the figures with those of a branch.")
@click.argument("base")
@click.option("--out", type=options.OUTPUT, help="File to write the Markdown to as well, also on failure.")
def difference(base: str, out: Path | None) -> None:
    """Compare the figures here with those at BASE, a branch, tag or commit.

    Exits with 1 if a figure is lower by more than `report.drop_at_most` points (params.yaml), its row has vanished, the
    test set is another, or the figures here are not those of the code and parameters here.
    """
    from kosbert import params
    from kosbert.project.difference import compare, faults, report

    limit = params.load().report.drop_at_most
    found = compare(base)
    text = report(found, drop_at_most=limit)
    click.echo(text)
    if out:
        write_text(out, f"{text}\n")
    if faults(found, drop_at_most=limit):
        raise click.exceptions.Exit(1)
