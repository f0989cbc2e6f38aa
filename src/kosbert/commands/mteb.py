"""`kosbert mteb`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Model, Output, UserCommand
from kosbert.commands.repo_id import check_repo_id


@click.command(
    "mteb",
    cls=UserCommand,
    short_help="Run MTEB's Korean tasks on a model.",
    examples=("kosbert mteb models/best", 'kosbert mteb models/best --tasks "MTEB(kor, v2)"'),
)
@click.argument("model", type=Model())
@click.option(
    "--tasks",
    default="STS",
    show_default=True,
    help="Names of tasks, task types or benchmarks, separated by commas; or all.",
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
    help="Model name in the results.  [default: the name on the hub, or that of the folder]",
)
@options.max_length
def mteb(model: str, tasks: str, out: Path, name: str | None, max_length: int | None) -> None:
    """Run MTEB's Korean tasks on MODEL, with the library mteb.

    MODEL is a folder with a sentence-transformers model, or a name on the Hugging Face Hub. Its own prompts are used.
    The data of the tasks is downloaded from the hub. Tasks that already have a result for the same weights are skipped.

    STS stands for all tasks of that type, and "MTEB(kor, v2)" for all tasks of that benchmark. The results have the
    layout of the repository of MTEB's leaderboard: results/OWNER__NAME/REVISION/TASK.json. The revision is the commit
    of a model on the hub. For a folder, and with --max-length, it is a digest of the weights.
    """
    from tabulate import tabulate

    from kosbert.apps.mteb import run
    from kosbert.apps.mteb_tasks import choose, split_names

    rows = []
    try:
        for row in run(model, choose(split_names(tasks)), out, name=name, max_length=max_length):
            cut = f"; {row.truncated:,} of {row.texts:,} texts were truncated" if row.truncated else ""
            options.tell(f"{row.task} is done{cut}")
            rows.append(row[:4])
    finally:  # a later task may fail, for example if its data cannot be downloaded
        if rows:
            click.echo(tabulate(rows, headers=["Task", "Type", "Figure", "× 100"], floatfmt=".2f"))
            options.say(f"\nmteb's results are in {out}")
