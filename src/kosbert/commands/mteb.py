"""`kosbert mteb`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Model, Output, UserCommand
from kosbert.commands.repo_id import check_repo_id


@click.command("mteb", cls=UserCommand, short_help="Run MTEB's Korean tasks on a model.")
@click.argument("model", type=Model())
@click.option(
    "--tasks",
    default="STS",
    show_default=True,
    help="Names of tasks, of types of them, or of benchmarks, separated by commas; or all.",
)
@click.option(
    "--out",
    type=Output(folder=True),
    default="mteb-results",
    show_default=True,
    help="Folder for mteb's results.",
)
@click.option(
    "--name",
    metavar="OWNER/NAME",
    callback=check_repo_id,
    help="The model's name in the results.  [default: its name on the hub, or its folder's]",
)
@options.max_length
def mteb(model: str, tasks: str, out: Path, name: str | None, max_length: int | None) -> None:
    """Run MTEB's Korean tasks on MODEL, through the library mteb.

    MODEL is the folder of a sentence-transformers model, or its name on the hub; its own prompts are used. The data of
    the tasks come from the hub. A task that was run on the same weights is not run again.

    The type STS stands for all tasks of it, and "MTEB(kor, v2)" for all of that benchmark. The results are laid out as
    in the repository of MTEB's leaderboard: results/OWNER__NAME/REVISION/TASK.json. The revision is the commit of a
    model of the hub, and a digest of the weights of a folder, or where --max-length is given.
    """
    from tabulate import tabulate

    from kosbert.apps.mteb import run
    from kosbert.apps.mteb_tasks import choose, split_names

    rows = []
    try:
        for row in run(model, choose(split_names(tasks)), out, name=name, max_length=max_length):
            cut = (
                f"; {row.truncated:,} of {row.texts:,} texts were longer than the model reads" if row.truncated else ""
            )
            options.tell(f"{row.task} is done{cut}")
            rows.append(row[:4])
    finally:  # a later task may fail, as where its data cannot be had
        if rows:
            click.echo(tabulate(rows, headers=["Task", "Type", "Figure", "× 100"], floatfmt=".2f"))
            options.say(f"\nmteb's results are in {out}")
