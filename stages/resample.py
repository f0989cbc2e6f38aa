"""Stage `resample`: the intervals of all figures, and which rows of the table differ."""

from pathlib import Path

import click

from kosbert import params
from kosbert.errors import Command
from kosbert.report.significance import resample, write_resampled
from kosbert.evaluation.scores import read_predictions


@click.command(cls=Command)
@click.option("--predictions", type=click.Path(path_type=Path), required=True, help="Folder of the similarities.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for intervals and differences.")
def main(predictions: Path, out: Path) -> None:
    """Resample the test pairs for the rows of the table."""
    chosen = params.load()
    predicted = {row: read_predictions(predictions / f"{row}.tsv") for row in chosen.report.rows}
    write_resampled(resample(predicted, seed=chosen.seed, resamples=chosen.report.resamples), out)
    click.echo(f"{out}: intervals and differences of {len(predicted)} rows")


if __name__ == "__main__":
    main()
