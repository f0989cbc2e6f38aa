"""Stage `prepare`: the tables that training and evaluation read, from the upstream files."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage


@click.command(cls=Stage)
@click.option("--raw", type=Input(), required=True, help="Folder of the upstream files.")
@click.option("--tune", type=click.Path(path_type=Path), required=True, help="Folder for the STS tune files.")
@click.option("--nli", type=click.Path(path_type=Path), required=True, help="File for the NLI table.")
@click.option("--scored", type=click.Path(path_type=Path), required=True, help="Folder for scored pairs to learn from.")
@click.option("--extra", type=click.Path(path_type=Path), required=True, help="Folder for extra dev and test sets.")
def main(raw: Path, tune: Path, nli: Path, scored: Path, extra: Path) -> None:
    """Write the tune files, the NLI table, and the tables of extra scored pairs."""
    from kosbert import params
    from kosbert.data.prepare import prepare_extra, prepare_nli, prepare_sts

    dataset = params.load().chosen_dataset
    for line in prepare_sts(dataset, raw, tune):
        click.echo(line)
    click.echo(prepare_nli(dataset, raw, nli))
    for line in prepare_extra(dataset, raw, tune, scored=scored, extra=extra):
        click.echo(line)


if __name__ == "__main__":
    main()
