"""`kosbert encode`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.readers.layout import Layout


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


@click.command(
    "encode",
    cls=UserCommand,
    short_help="Encode the texts of a file of any size.",
    examples=(
        "kosbert encode models/best texts.tsv --out embeddings.npy",
        "kosbert encode models/best corpus.parquet --column text --out out.parquet",
    ),
)
@click.argument("model", type=Model())
@click.argument("file", type=Input())
@click.option("--out", required=True, type=Output(folder=True), help="Output file, .parquet or .npy.")
@options.column("Column with the texts, in a table")
@options.layout
@options.max_length
@click.option(
    "--part",
    type=click.IntRange(1, 100_000),
    show_default="5,000, or 2,000 per process",
    help="Rows per part; an interrupted run keeps its finished parts.",
)
@click.option("--processes", type=click.IntRange(1, 256), default=1, show_default=True, help="Number of CPU processes.")
@click.option("--devices", callback=_names, help="Devices with one process each, such as cuda:0,cuda:1.")
@click.option("--int8", is_flag=True, help="Encode in int8 on the CPU: faster, less exact (needs the extra openvino).")
@click.option("--overwrite", is_flag=True, help="Replace OUT, and discard the parts of another run.")
def encode(
    model: str,
    file: Path,
    *,
    out: Path,
    column: str | None,
    layout: Layout,
    max_length: int | None,
    part: int | None,
    processes: int,
    devices: list[str],
    int8: bool,
    overwrite: bool,
) -> None:
    """Encode the texts of FILE with MODEL in bounded memory. Row i of the output belongs to row i of FILE.

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.

    FILE is a text file or a table with one text per row.

    A .parquet file gets the columns text and embedding; a .npy file [rows, dimensions] can be memory-mapped. To resume
    an interrupted run after its last finished part, repeat the command.
    """
    if int8 + bool(devices) + (processes > 1) > 1:
        raise click.UsageError("use only one of --processes, --devices and --int8")

    from kosbert import load
    from kosbert.apps import bulk

    bulk.check_output(file, out, overwrite=overwrite)
    several = devices or ["cpu"] * processes * (processes > 1)
    with load(model, precision="int8" if int8 else "auto", devices=several, max_length=max_length) as encoder:
        encoded = bulk.encode_file(
            encoder,
            file,
            out,
            column=column,
            layout=layout,
            tell=options.tell,
            part_rows=part or bulk.default_part(len(several)),
            overwrite=overwrite,
        )
        options.tell_truncated(encoder, encoded.truncated, encoded.rows)
    options.say(f"{out}: {encoded.rows:,} embeddings with {encoder.dimensions} dimensions")
