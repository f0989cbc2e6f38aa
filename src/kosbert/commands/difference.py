"""`kosbert difference`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands.paths import Output, UserCommand
from kosbert.errors import KosbertError, needs_extra

READS = ("params.yaml", "dvc.yaml", "dvc.lock", "metrics", "predictions")


@click.command("difference", cls=UserCommand, reads=READS, short_help="Compare the metrics with those of a branch.")
@click.argument("base")
@click.option("--out", type=Output(), help="File to write the Markdown to as well, also on failure.")
def difference(base: str, out: Path | None) -> None:
    """Compare the metrics here with those at BASE, a branch, tag or commit.

    Exits with 1 if a metric is lower by more than `report.drop_at_most` points (params.yaml), a row has vanished, the
    test set is another, or the metrics here do not belong to the code and parameters here.
    """
    with needs_extra("pipeline", "A comparison with a branch"):
        from kosbert import params
        from kosbert.project.difference import compare_with, failures, to_markdown
    from kosbert.files import write_text

    limit = params.load().report.drop_at_most
    try:
        comparison = compare_with(base)
    except KosbertError as error:
        if out:  # where what another comparison has found must not stay
            write_text(out, f"**Fails**: {error.message}\n")
        raise
    text = to_markdown(comparison, drop_at_most=limit)
    click.echo(text)
    if out:
        write_text(out, f"{text}\n")
    if failures(comparison, drop_at_most=limit):
        raise click.exceptions.Exit(1)
