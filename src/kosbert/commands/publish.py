"""`kosbert publish`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import shlex
from pathlib import Path

import click

from kosbert.commands.options import say
from kosbert.commands.paths import Output, UserCommand
from kosbert.commands.repo_id import check_repo_id
from kosbert.errors import KosbertError, needs_extra


@click.command(
    "publish",
    cls=UserCommand,
    short_help="Prepare a model for upload to a model hub.",
    examples=(
        "kosbert publish best --repo-id me/ko-sentence-bert",
        "kosbert publish best --out published --with onnx --precision fp32,int8",
    ),
)
@click.argument("row")
@click.option(
    "--repo-id",
    metavar="OWNER/NAME",
    callback=check_repo_id,
    help="Name of the model on the hub, for its card and for the upload command.",
)
@click.option("--out", type=Output(folder=True), help="Output folder; it must not exist yet.  [default: NAME]")
@click.option(
    "--with",
    "formats",
    metavar="FORMATS",
    help="Export formats to add, separated by commas, such as onnx,openvino.",
)
@click.option(
    "--precision",
    "precisions",
    metavar="PRECISIONS",
    help="Precisions of these exports, separated by commas: fp32, int8.  [default: fp32]",
)
def publish(row: str, repo_id: str | None, out: Path | None, formats: str | None, precisions: str | None) -> None:
    """Copy the model of ROW to a folder that is ready to upload to a model hub, and complete its model card.

    ROW is a row of the performance table: base, or a recipe such as nli_sts. The card gets the eight metrics on
    each test set, the model's size, the quality of truncated embeddings (on the dev sets), and the list of exports.

    The command refuses a model if the licence of its base model does not allow redistribution.
    """
    if out is None and repo_id is None:
        raise KosbertError("no output folder; give --repo-id OWNER/NAME or --out FOLDER")
    if precisions and not formats:
        raise KosbertError(f"--precision {precisions} applies to exports; add --with, such as --with onnx")
    with needs_extra("pipeline", "Publishing"):
        from kosbert import params
        from kosbert.project.publish import Wanted, publish

    out = out or Path(str(repo_id).rpartition("/")[2])
    wanted = Wanted(repo_id, _split(formats or ""), _split(precisions or "fp32"))
    publish(params.load(), row, out, wanted)
    say(f"{out}: ready to upload; its model card is {out / 'README.md'}")
    if repo_id:
        click.echo(f"To upload it:\n\n    hf upload {repo_id} {shlex.quote(str(out))} .")


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
