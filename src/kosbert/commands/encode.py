"""`kosbert encode`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.readers.layout import Layout


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


@click.command("encode", cls=UserCommand, short_help="Encode the texts of a file of any size.")
@click.argument("model", type=Model())
@click.argument("file", type=Input())
@click.option("--out", required=True, type=Output(folder=True), help="File to write, .parquet or .npy.")
@options.column("Column of a table with the texts")
@options.layout
@options.max_length
@click.option(
    "--part",
    type=click.IntRange(1, 100_000),
    show_default="5,000, or 2,000 for each process",
    help="Rows in a part; finished parts survive a kill.",
)
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, show_default=True, help="Number of processes on the CPU."
)
@click.option("--devices", callback=_names, help="One process on each of these devices, such as cuda:0,cuda:1.")
@click.option("--int8", is_flag=True, help="Encode in int8 on the CPU: faster, a little less exact (extra openvino).")
@click.option("--overwrite", is_flag=True, help="Replace OUT, and drop what another run has left.")
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
    """Encode the texts of FILE with MODEL, in bounded memory: row i of the output belongs to row i of FILE.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    FILE is text or a table, with one text in each row.

    A .parquet file has the columns text and embedding; a .npy file [rows, dimensions] can be memory-mapped. If a run
    was killed, give the same command again: it resumes after the last finished part.
    """
    if int8 + bool(devices) + (processes > 1) > 1:
        raise click.UsageError("choose one of --processes, --devices and --int8")

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
    options.say(f"{encoded.rows:,} embeddings of {encoder.dimensions} dimensions in {out}")
