"""`kosbert benchmark`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

import click

from kosbert.errors import Command


@click.command("benchmark", cls=Command, short_help="Regenerate the performance table.")
@click.option(
    "--fall-back/--no-fall-back",
    envvar="KOSBERT_FALL_BACK",
    show_envvar=True,
    default=True,
    show_default=True,
    help="Where the dataset can be had nowhere: run on the sample data, or fail.",
)
def benchmark(*, fall_back: bool) -> None:
    """Regenerate the performance table: run every stage that is not up to date, then show the table."""
    from kosbert import benchmark

    benchmark.run(fall_back=fall_back)
