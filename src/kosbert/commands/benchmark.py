"""`kosbert benchmark`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import click

from kosbert.commands.paths import UserCommand
from kosbert.errors import needs_extra


@click.command(
    "benchmark",
    cls=UserCommand,
    short_help="Regenerate the performance table.",
    examples=("kosbert benchmark", "kosbert benchmark --no-fall-back"),
)
@click.option(
    "--fall-back/--no-fall-back",
    envvar="KOSBERT_FALL_BACK",
    show_envvar=True,
    default=True,
    show_default=True,
    help="If the dataset cannot be downloaded, run on the sample data or fail.",
)
def benchmark(*, fall_back: bool) -> None:
    """Run every stage of the pipeline that is not up to date, then show the performance table."""
    with needs_extra("pipeline", "The benchmark"):
        from kosbert.project import benchmark

    benchmark.run(fall_back=fall_back)
