"""Stage `page`: the pictures, and the report as one HTML page."""

from pathlib import Path

import click

from kosbert import params
from kosbert.errors import Command
from kosbert.report.slices import read_test
from kosbert.report.significance import read_resampled
from kosbert.files import write_text
from kosbert.report.plots import canvas
from kosbert.report.page import page
from kosbert.report.plots.gallery import draw
from kosbert.report.rows import gather


@click.command(cls=Command)
@click.option("--predictions", type=click.Path(path_type=Path), required=True, help="Folder of the similarities.")
@click.option("--resampled", type=click.Path(path_type=Path), required=True, help="What stage `resample` has found.")
@click.option("--raw", type=click.Path(path_type=Path), required=True, help="Folder of the upstream files.")
@click.option("--train", type=click.Path(path_type=Path), required=True, help="The tune file of the training pairs.")
@click.option("--dev", type=click.Path(path_type=Path), required=True, help="The tune file of the dev pairs.")
@click.option("--models", type=click.Path(path_type=Path), required=True, help="Folder of the encoders.")
@click.option("--curves", type=click.Path(path_type=Path), required=True, help="Folder of the training curves.")
@click.option("--svg", type=click.Path(path_type=Path), required=True, help="Folder for the pictures as SVG.")
@click.option("--png", type=click.Path(path_type=Path), required=True, help="Folder for the pictures as PNG.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the page.")
def main(
    *,
    predictions: Path,
    resampled: Path,
    raw: Path,
    train: Path,
    dev: Path,
    models: Path,
    curves: Path,
    svg: Path,
    png: Path,
    out: Path,
) -> None:
    """Write the pictures and the page that holds them."""
    chosen = params.load()
    found = read_resampled(resampled)
    rows = gather(chosen, predictions, models, found)
    groups = draw(chosen, rows, curves)
    test = read_test(raw / chosen.chosen_dataset.sts.test.path, train, dev)
    html = page(chosen, rows, test, groups, found.differences)
    canvas.write([picture for group in groups for picture in group.pictures], svg=svg, png=png)
    write_text(out, html)
    click.echo(f"{out}: open it in a browser; its pictures are in {svg} and {png} too")


if __name__ == "__main__":
    main()
