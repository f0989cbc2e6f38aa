"""`kosbert export`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.readers.layout import Layout


def _names(_context: click.Context, _param: click.Parameter, value: str) -> list[str]:
    """Return names that are separated by commas, each once."""
    return list(dict.fromkeys(name.strip() for name in value.split(",")))


@click.command(
    "export",
    cls=UserCommand,
    short_help="Export a model to ONNX, OpenVINO or GGUF.",
    examples=(
        "kosbert export models/best --out exported --format onnx,openvino",
        "kosbert export models/best --out exported-int8 --precision int8",
    ),
)
@click.argument("model", type=Model())
@click.option("--out", required=True, type=Output(folder=True), help="Output folder; it must not exist yet.")
@click.option(
    "--format",
    "formats",
    callback=_names,
    default="openvino",
    show_default=True,
    help="Formats, separated by commas: onnx, openvino, gguf.",
)
@click.option(
    "--precision",
    "precisions",
    callback=_names,
    default="fp32",
    show_default=True,
    help="Precisions of the weights, separated by commas: fp32, int8. GGUF is always in f16.",
)
@click.option("--no-weights", is_flag=True, help="Leave out the PyTorch weights.")
@click.option("--check", type=Input(), help="File with texts to compare on.  [default: a few built-in ones]")
@options.column("Column with these texts, in a table")
@options.layout
def export(
    model: str,
    *,
    out: Path,
    formats: list[str],
    precisions: list[str],
    no_weights: bool,
    check: Path | None,
    column: str | None,
    layout: Layout,
) -> None:
    """Export MODEL to a folder that sentence-transformers and other programs load, and compare it with MODEL.

    MODEL is a folder with a sentence-transformers model, or a name on the Hugging Face Hub.
    """
    from kosbert.inference import export as exporting
    from kosbert.inference.formats import FORMATS, loading_code
    from kosbert.inference.manifest import read_manifest
    from kosbert.readers.texts import read_filled

    texts = (
        exporting.SENTENCES if check is None else read_filled(check, column=column, layout=layout, tell=options.tell)
    )
    lowest = exporting.export(model, out, formats=formats, precisions=precisions, weights=not no_weights, texts=texts)
    options.say(f"{out}: lowest cosine with the original over {len(texts):,} texts")
    manifest = read_manifest(out)
    for one in manifest.exports if manifest else ():
        code = loading_code(str(out), one.graph)
        options.say(f"  {one.graph}: {one.megabytes(out):.1f} MB, {lowest[one.graph]:.5f}{': ' if code else ''}{code}")
    for note in filter(None, (FORMATS[name].note for name in formats)):
        click.echo(note)
