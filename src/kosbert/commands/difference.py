"""`kosbert difference`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands.paths import Output, UserCommand
from kosbert.errors import KosbertError, needs_extra

READS = ("params.yaml", "dvc.yaml", "dvc.lock", "metrics", "predictions")


@click.command(
    "difference",
    cls=UserCommand,
    reads=READS,
    short_help="Compare the metrics with those of a branch.",
    examples=("kosbert difference main", "kosbert difference main --out difference.md"),
)
@click.argument("base")
@click.option("--out", type=Output(), help="Also write the Markdown to this file, even on failure.")
def difference(base: str, out: Path | None) -> None:
    """Compare the metrics of the workspace with those of BASE, a branch, tag or commit.

    Exits with 1 if a metric has dropped by more than `report.drop_at_most` points (params.yaml), if a row is missing,
    if the test set differs, or if the metrics do not belong to the code and parameters of the workspace.
    """
    with needs_extra("pipeline", "A comparison with a branch"):
        from kosbert import params
        from kosbert.project.difference import compare_with, failures, to_markdown
    from kosbert.files import write_text

    limit = params.load().report.drop_at_most
    try:
        comparison = compare_with(base)
    except KosbertError as error:
        if out:  # else it would still hold the result of an earlier comparison
            write_text(out, f"**Fails**: {error.message}\n")
        raise
    text = to_markdown(comparison, drop_at_most=limit)
    click.echo(text)
    if out:
        write_text(out, f"{text}\n")
    if failures(comparison, drop_at_most=limit):
        raise click.exceptions.Exit(1)
