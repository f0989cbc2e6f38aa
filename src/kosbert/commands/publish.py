"""`kosbert publish`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import shlex
from pathlib import Path

import click

from kosbert.commands.options import say
from kosbert.commands.paths import Output, UserCommand
from kosbert.commands.repo_id import check_repo_id
from kosbert.errors import KosbertError, needs_extra


@click.command("publish", cls=UserCommand, short_help="Make a model's folder ready for a model hub.")
@click.argument("row")
@click.option(
    "--repo-id",
    metavar="OWNER/NAME",
    callback=check_repo_id,
    help="The model's name on the hub, for its card and for the command that uploads it.",
)
@click.option("--out", type=Output(folder=True), help="Folder to write; it must not exist.  [default: NAME]")
@click.option(
    "--with",
    "formats",
    metavar="FORMATS",
    help="Formats of exports to add, separated by commas; those of `kosbert export`, such as onnx,openvino.",
)
@click.option(
    "--precision",
    "precisions",
    metavar="PRECISIONS",
    help="Precisions of the exports, separated by commas: fp32, int8.  [default: fp32]",
)
def publish(row: str, repo_id: str | None, out: Path | None, formats: str | None, precisions: str | None) -> None:
    """Copy the model of ROW to a folder that is ready for a model hub, with its card completed.

    ROW is a row of the performance table: base, or a recipe such as nli_sts. The card gets the eight metrics on
    each test set, the model's size, what embeddings are worth that are cut to fewer numbers (on the dev sets), and what
    the exports are.
    The command refuses a model whose base's licence does not allow passing it on.
    """
    if out is None and repo_id is None:
        raise KosbertError("nothing says where to write; give --repo-id OWNER/NAME, or --out FOLDER")
    if precisions and not formats:
        raise KosbertError(f"--precision {precisions} is of exports; give --with, too, such as --with onnx")
    with needs_extra("pipeline", "Publishing"):
        from kosbert import params
        from kosbert.project.publish import Wanted, publish

    out = out or Path(str(repo_id).rpartition("/")[2])
    wanted = Wanted(repo_id, _split(formats or ""), _split(precisions or "fp32"))
    publish(params.load(), row, out, wanted)
    say(f"{out}: ready; its card is {out / 'README.md'}")
    if repo_id:
        click.echo(f"To upload it:\n\n    hf upload {repo_id} {shlex.quote(str(out))} .")


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
