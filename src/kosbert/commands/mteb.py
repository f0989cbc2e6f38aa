"""`kosbert mteb`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Model, Output, UserCommand


@click.command("mteb", cls=UserCommand, short_help="Run MTEB's Korean tasks on a model.")
@click.argument("model", type=Model())
@click.option(
    "--tasks",
    default="STS",
    show_default=True,
    help="Names of tasks or of a type of them, separated by commas; or all.",
)
@click.option(
    "--out",
    type=Output(folder=True),
    default="mteb-results",
    show_default=True,
    help="Folder for mteb's results.",
)
@options.max_length
def mteb(model: str, tasks: str, out: Path, max_length: int | None) -> None:
    """Run MTEB's Korean tasks on MODEL, through the library mteb.

    MODEL is the folder of a sentence-transformers model, or its name on the hub; its own prompts are used. The data of
    the tasks come from the hub. A task that was run on the same weights is not run again. An unknown name is answered
    with all names.
    """
    from tabulate import tabulate

    from kosbert.apps.mteb import choose, run

    rows = []
    try:
        for row in run(model, choose([name.strip() for name in tasks.split(",")]), out, max_length=max_length):
            cut = (
                f"; {row.truncated:,} of {row.texts:,} texts were longer than the model reads" if row.truncated else ""
            )
            options.tell(f"{row.task} is done{cut}")
            rows.append(row[:4])
    finally:  # a later task may fail, as where its data cannot be had
        if rows:
            click.echo(tabulate(rows, headers=["Task", "Type", "Figure", "× 100"], floatfmt=".2f"))
            click.echo(f"\nmteb's results are in {out}")
