"""Stage `resample`: the confidence intervals of all metrics, and which rows of the table differ."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage


@click.command(cls=Stage)
@click.option("--predictions", type=Input(), required=True, help="Folder of the predictions.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for intervals and differences.")
def main(predictions: Path, out: Path) -> None:
    """Resample the pairs of each test set for the rows of the table."""
    from kosbert import params
    from kosbert.evaluation.scores import prediction_files, read_predictions
    from kosbert.report.significance import resample, write_resampled

    chosen = params.load()
    draws = {"seed": chosen.seed, "resamples": chosen.report.resamples}
    found = {
        name: resample({row: read_predictions(path) for row, path in files.items()}, **draws)
        for name, files in prediction_files(predictions, [*chosen.report.rows], own=params.STS).items()
    }
    write_resampled(found, out)
    click.echo(f"{out}: intervals and differences of {len(chosen.report.rows)} rows on {', '.join(found)}")


if __name__ == "__main__":
    main()
