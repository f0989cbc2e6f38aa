"""`kosbert publish`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands.paths import Output, UserCommand


@click.command("publish", cls=UserCommand, short_help="Make a model's folder ready for a model hub.")
@click.argument("row")
@click.option("--out", type=Output(folder=True), required=True, help="Folder to write; it must not exist.")
def publish(row: str, out: Path) -> None:
    """Copy the model of ROW to a folder that is ready for a model hub, with the eight metrics in its card.

    ROW is a row of the performance table: base, or a recipe such as nli_sts. The command refuses a model whose base's
    licence does not allow passing it on.
    """
    from kosbert import params
    from kosbert.project.publish import publish

    publish(params.load(), row, out)
    click.echo(f"{out}: ready; its card is {out / 'README.md'}")
