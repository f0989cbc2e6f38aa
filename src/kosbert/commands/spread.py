"""`kosbert spread`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import click

from kosbert.commands.paths import UserCommand
from kosbert.errors import needs_extra
from kosbert.metrics import MAIN_METRIC, METRICS


def _metric(_: click.Context, __: click.Parameter, value: str) -> str:
    if value.rpartition(".")[2] not in METRICS:
        raise click.BadParameter(
            f"{value!r} is none of {', '.join(METRICS)}, perhaps after a test set's name and a dot"
        )
    return value


@click.command("spread", cls=UserCommand, short_help="Mean and deviation over the seeds of a sweep.")
@click.option(
    "--figure",
    "metric",
    callback=_metric,
    metavar="METRIC",
    default=MAIN_METRIC,
    show_default=True,
    help="One of the eight metrics: cosine, euclidean, manhattan or dot, then _pearson or _spearman; on an extra test "
    "set, after its name, as klue.cosine_spearman.",
)
@click.option("--rev", default="HEAD", show_default=True, help="Commit that the experiments began at.")
def spread(metric: str, rev: str) -> None:
    """Show a metric's mean and standard deviation over the seeds of a sweep, for each combination of other settings."""
    with needs_extra("pipeline", "A mean over seeds"):
        from kosbert.project.spread import finished, spread

    experiments, others = finished(rev)
    click.echo(spread(experiments, metric=metric))
    if others:
        click.echo(f"\nNot counted, as they failed or have not run yet: {others}.")
