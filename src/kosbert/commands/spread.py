"""`kosbert spread`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

import click

from kosbert.errors import Command
from kosbert.evaluation.figures import FIGURES


@click.command("spread", cls=Command)
@click.option("--figure", type=click.Choice(FIGURES), default="cosine_spearman", show_default=True)
@click.option("--rev", default="HEAD", show_default=True, help="The commit that the experiments began at.")
def spread(figure: str, rev: str) -> None:
    """Show mean and spread over seeds of the experiments of a sweep, for each other setting."""
    from kosbert.spread import finished, spread

    experiments, others = finished(rev)
    click.echo(spread(experiments, figure=figure))
    if others:
        click.echo(f"\nNot counted, for they failed or have not run yet: {others}.")
