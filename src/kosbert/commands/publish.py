"""`kosbert publish`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path

import click

from kosbert.errors import Command


@click.command("publish", cls=Command)
@click.argument("row")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; it may not exist yet.")
def publish(row: str, out: Path) -> None:
    """Write the folder of ROW's model that is ready for a model hub, with the eight figures in its card.

    ROW is a row of the table: base, or a recipe. Refused where the base's licence forbids to pass models on.
    """
    from kosbert import params
    from kosbert.publish import publish

    publish(params.load(), row, out)
    click.echo(f"{out}: ready; its card is {out / 'README.md'}")
