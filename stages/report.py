"""Stage `report`: the performance table, as a file, in the README and on the terminal; and the same in detail."""

from pathlib import Path

import click

from kosbert import params
from kosbert.errors import Command
from kosbert.report.slices import read_test
from kosbert.report.details import details
from kosbert.report.significance import read_resampled
from kosbert.evaluation.scores import read_predictions
from kosbert.report.table import performance, replace_between_markers
from kosbert.files import write_text


@click.command(cls=Command)
@click.option("--metrics", type=click.Path(path_type=Path), required=True, help="Folder of the metrics files.")
@click.option("--predictions", type=click.Path(path_type=Path), required=True, help="Folder of the similarities.")
@click.option("--resampled", type=click.Path(path_type=Path), required=True, help="What stage `resample` has found.")
@click.option("--raw", type=click.Path(path_type=Path), required=True, help="Folder of the upstream files.")
@click.option("--train", type=click.Path(path_type=Path), required=True, help="The tune file of the training pairs.")
@click.option("--dev", type=click.Path(path_type=Path), required=True, help="The tune file of the dev pairs.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the table.")
@click.option("--details", "detailed", type=click.Path(path_type=Path), required=True, help="File for the details.")
@click.option(
    "--readme",
    "readmes",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="README with the table's markers; may be given several times.",
)
def main(
    *,
    metrics: Path,
    predictions: Path,
    resampled: Path,
    raw: Path,
    train: Path,
    dev: Path,
    out: Path,
    detailed: Path,
    readmes: tuple[Path, ...],
) -> None:
    """Write and print the performance table, and write it in detail."""
    chosen = params.load()
    table = performance(chosen, metrics)
    test = read_test(raw / chosen.chosen_dataset.sts.test.path, train, dev)
    predicted = {row: read_predictions(predictions / f"{row}.tsv") for row in chosen.report.rows}
    # All before any is written: a README without markers changes nothing. First what DVC brings back after a fault.
    texts = {out: table, detailed: details(chosen, predicted, test, read_resampled(resampled))}
    texts |= {readme: replace_between_markers(readme, table) for readme in readmes}
    for path, text in texts.items():
        write_text(path, text)
    click.echo(f"\n{table}\nIn detail, with intervals: {detailed}\n")


if __name__ == "__main__":
    main()
