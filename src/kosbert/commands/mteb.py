"""`kosbert mteb`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path

import click

from kosbert.errors import Command


@click.command("mteb", cls=Command)
@click.argument("model")
@click.option("--tasks", default="STS", show_default=True, help="Names with commas between them, or a type, or all.")
@click.option(
    "--out", type=click.Path(path_type=Path), default="mteb-results", show_default=True, help="Folder for results."
)
def mteb(model: str, tasks: str, out: Path) -> None:
    """Run MTEB's Korean tasks on MODEL, through the library mteb.

    MODEL is the folder of a sentence-transformers model, or its name on the hub; its own prompts are used. The data of
    the tasks come from the hub. What has been run on the same model is not run again. A name that no task has lists
    those there are.
    """
    from tabulate import tabulate

    from kosbert.korean_tasks import choose, run

    rows = []
    for row in run(model, choose([name.strip() for name in tasks.split(",")]), out):
        click.echo(f"{row.task} is done", err=True)
        rows.append(row)
    click.echo(tabulate(rows, headers=["Task", "Type", "Figure", "× 100"], floatfmt=".2f"))
    click.echo(f"\nmteb's results are in {out}")
