"""Stage `resample`: the confidence intervals of all metrics, and which rows of the table differ."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage


@click.command(cls=Stage)
@click.option("--predictions", type=Input(), required=True, help="Folder of the predictions.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for intervals and differences.")
def main(predictions: Path, out: Path) -> None:
    """Resample the test pairs for the rows of the table."""
    from kosbert import params
    from kosbert.evaluation.scores import read_predictions
    from kosbert.report.significance import resample, write_resampled

    chosen = params.load()
    predicted = {row: read_predictions(predictions / f"{row}.tsv") for row in chosen.report.rows}
    write_resampled(resample(predicted, seed=chosen.seed, resamples=chosen.report.resamples), out)
    click.echo(f"{out}: intervals and differences of {len(predicted)} rows")


if __name__ == "__main__":
    main()
