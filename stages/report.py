"""Stage `report`: all models side by side, as tables, pictures, and one page."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage, check_unchanged

PATH = click.Path(path_type=Path)


@click.command(cls=Stage)
@click.option("--predictions", type=Input(), required=True, help="Folder of the predictions.")
@click.option("--resampled", type=Input(), required=True, help="File that the stage `resample` has written.")
@click.option("--dimensions", type=Input(), required=True, help="Folder of the dev scores of shortened embeddings.")
@click.option("--models", type=Input(), required=True, help="Folder of the encoders.")
@click.option("--curves", type=Input(), required=True, help="Folder of the training curves.")
@click.option("--measured", type=PATH, required=True, help="Folder of the costs that trainings have measured.")
@click.option("--costs", type=PATH, required=True, help="Folder for the costs that belong to the table.")
@click.option("--raw", type=Input(), required=True, help="Folder of the upstream files.")
@click.option("--train", type=Input(), required=True, help="The tune file of the training pairs.")
@click.option("--dev", type=Input(), required=True, help="The tune file of the dev pairs.")
@click.option("--svg", type=PATH, required=True, help="Folder for the pictures as SVG.")
@click.option("--png", type=PATH, required=True, help="Folder for the pictures as PNG.")
@click.option("--by-size", "by_size_file", type=PATH, required=True, help="File for the SVG that the READMEs show.")
@click.option("--page", "page_file", type=PATH, required=True, help="File for the page.")
@click.option("--table", "table_file", type=PATH, required=True, help="File for the table.")
@click.option("--details", "details_file", type=PATH, required=True, help="File for the table in detail.")
@click.option(
    "--readme", "readmes", type=PATH, multiple=True, help="README with markers for the short table; repeatable."
)
def main(
    *,
    curves: Path,
    measured: Path,
    costs: Path,
    svg: Path,
    png: Path,
    by_size_file: Path,
    page_file: Path,
    table_file: Path,
    details_file: Path,
    readmes: tuple[Path, ...],
    **inputs: Path,
) -> None:
    """Write and print the performance tables, and write details, pictures and page."""
    from kosbert import params
    from kosbert.files import write_text
    from kosbert.metrics import record_costs
    from kosbert.report.details import details
    from kosbert.report.page import page
    from kosbert.report.plots.canvas import write_pictures
    from kosbert.report.plots.gallery import draw
    from kosbert.report.results import gather
    from kosbert.report.table import performance, replace_between_markers, short

    results = gather(params.load(), measured=measured, costs=costs, **inputs)
    gallery = draw(results, curves)
    measurements = results.params, results.metrics, results.costs, results.extra_metrics
    table = performance(*measurements)
    # Everything is computed before anything is written, so a README without markers leaves all files as they were.
    texts = {page_file: page(results, gallery), by_size_file: gallery.by_size.svg.decode()}
    texts |= {table_file: table, details_file: details(results)}
    texts |= {readme: replace_between_markers(readme, short(*measurements)) for readme in readmes}
    check_unchanged()
    write_pictures(gallery.pictures, svg=svg, png=png)
    record_costs(costs, measured, results.costs)
    for path, text in texts.items():
        write_text(path, text)
    click.echo(f"\n{table}\nIn detail, with intervals: {details_file}\nWith pictures, for a browser: {page_file}\n")


if __name__ == "__main__":
    main()
