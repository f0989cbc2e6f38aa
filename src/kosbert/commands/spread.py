"""`kosbert spread`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import click

from kosbert.commands.paths import UserCommand
from kosbert.errors import needs_extra
from kosbert.metrics import MAIN_METRIC, METRICS


def _metric(_: click.Context, __: click.Parameter, value: str) -> str:
    if value.rpartition(".")[2] not in METRICS:
        raise click.BadParameter(
            f"{value!r}: expected one of {', '.join(METRICS)}; on an extra test set, with its name and a dot before it"
        )
    return value


@click.command(
    "spread",
    cls=UserCommand,
    short_help="Show mean and deviation over the seeds of a sweep.",
    examples=("kosbert spread", "kosbert spread --figure klue.cosine_spearman --rev main"),
)
@click.option(
    "--figure",
    "metric",
    callback=_metric,
    metavar="METRIC",
    default=MAIN_METRIC,
    show_default=True,
    help="One of the eight metrics: cosine, euclidean, manhattan or dot, followed by _pearson or _spearman. For an "
    "extra test set, put its name first, as in klue.cosine_spearman.",
)
@click.option("--rev", default="HEAD", show_default=True, help="Commit that the experiments are based on.")
def spread(metric: str, rev: str) -> None:
    """Show the mean and standard deviation of a metric over the seeds of a sweep, per combination of other settings."""
    with needs_extra("pipeline", "A mean over seeds"):
        from kosbert.project.spread import finished, spread

    experiments, others = finished(rev)
    click.echo(spread(experiments, metric=metric))
    if others:
        click.echo(f"\nNot counted, because they failed or have not run yet: {others}.")
