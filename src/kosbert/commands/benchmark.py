"""`kosbert benchmark`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

import click

from kosbert.errors import Command


@click.command("benchmark", cls=Command)
@click.option(
    "--fall-back/--no-fall-back",
    envvar="KOSBERT_FALL_BACK",
    show_envvar=True,
    default=True,
    help="Where the dataset can be had nowhere: run on the sample, or fail.",
)
def benchmark(*, fall_back: bool) -> None:
    """Regenerate the performance table: every stage that is not up to date, then the table."""
    from kosbert import benchmark

    benchmark.run(fall_back=fall_back)
