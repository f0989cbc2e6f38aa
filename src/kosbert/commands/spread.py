"""`kosbert spread`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

import click

from kosbert.errors import Command
from kosbert.metrics import METRICS, MAIN


@click.command("spread", cls=Command, short_help="Mean and deviation over the seeds of a sweep.")
@click.option(
    "--figure",
    type=click.Choice(METRICS),
    metavar="FIGURE",
    default=MAIN,
    show_default=True,
    help="One of the eight figures: cosine, euclidean, manhattan or dot, then _pearson or _spearman.",
)
@click.option("--rev", default="HEAD", show_default=True, help="Commit that the experiments began at.")
def spread(figure: str, rev: str) -> None:
    """Show a figure's mean and standard deviation over the seeds of a sweep, for each of its other settings."""
    from kosbert.project.spread import finished, spread

    experiments, others = finished(rev)
    click.echo(spread(experiments, figure=figure))
    if others:
        click.echo(f"\nNot counted, for they failed or have not run yet: {others}.")
