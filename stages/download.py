"""Stage `download`: the files of the dataset, each from the first mirror that has it."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Stage


@click.command(cls=Stage)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the upstream files.")
def main(out: Path) -> None:
    """Download the dataset that params.yaml names, and verify it."""
    from kosbert import params
    from kosbert.data.download import download

    for path, mirror in download(params.load().chosen_dataset, out).items():
        click.echo(f"{out / path}: from {mirror}")


if __name__ == "__main__":
    main()
