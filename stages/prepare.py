"""Stage `prepare`: upstream files to the tables that training and evaluation read."""

from pathlib import Path

import click

from kosbert import params
from kosbert.data import prepare
from kosbert.errors import Command


@click.command(cls=Command)
@click.option("--raw", type=click.Path(path_type=Path), required=True, help="Folder of the upstream files.")
@click.option("--tune", type=click.Path(path_type=Path), required=True, help="Folder for the STS tune files.")
@click.option("--nli", type=click.Path(path_type=Path), required=True, help="File for the NLI table.")
def main(raw: Path, tune: Path, nli: Path) -> None:
    """Write the tune files and the NLI table."""
    dataset = params.load().chosen_dataset
    for line in prepare.prepare_sts(dataset, raw, tune):
        click.echo(line)
    click.echo(prepare.prepare_nli(dataset, raw, nli))


if __name__ == "__main__":
    main()
