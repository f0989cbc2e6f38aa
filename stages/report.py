"""Stage `report`: the performance table, as a file, in the README and on the terminal."""

from pathlib import Path

import click

from kosbert import params
from kosbert.errors import Command
from kosbert.evaluation.table import performance, replace_between_markers
from kosbert.files import write_text


@click.command(cls=Command)
@click.option("--metrics", type=click.Path(path_type=Path), required=True, help="Folder of the metrics files.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the table.")
@click.option("--readme", type=click.Path(path_type=Path), required=True, help="README with the table's markers.")
def main(metrics: Path, out: Path, readme: Path) -> None:
    """Write and print the performance table."""
    table = performance(params.load(), metrics)
    write_text(readme, replace_between_markers(readme.read_text(encoding="utf-8"), table))
    write_text(out, table)
    click.echo(f"\n{table}")


if __name__ == "__main__":
    main()
