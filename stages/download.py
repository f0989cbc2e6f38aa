"""Stage `download`: the files of the dataset, from the first source that has them."""

from pathlib import Path

import click

from kosbert import params
from kosbert.data import sources
from kosbert.errors import Command


@click.command(cls=Command)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the upstream files.")
def main(out: Path) -> None:
    """Download the dataset that params.yaml names, verified."""
    for path, place in sources.download(params.load().chosen_dataset, out).items():
        click.echo(f"{out / path}: from {place}")


if __name__ == "__main__":
    main()
