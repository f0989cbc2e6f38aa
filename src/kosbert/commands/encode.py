"""`kosbert encode`."""

# ruff: noqa: PLC0415 - see `kosbert.cli`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.readers.pairs import Quotes
from kosbert.errors import Command


def _names(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


@click.command("encode", cls=Command, short_help="Encode the texts of a file of any size.")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write, .parquet or .npy.")
@options.column("Column of a table with the texts")
@options.quotes
@click.option(
    "--part",
    type=click.IntRange(min=1),
    default=5_000,
    show_default=True,
    help="Rows in a part; finished parts survive a kill.",
)
@click.option(
    "--processes", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes on the CPU."
)
@click.option("--devices", callback=_names, help="One process on each of these devices, such as cuda:0,cuda:1.")
@click.option("--int8", is_flag=True, help="Encode in int8 on the CPU: faster, a little less exact (extra int8).")
@click.option("--overwrite", is_flag=True, help="Replace OUT, and drop what is left of another run.")
def encode(
    model: str,
    file: Path,
    *,
    out: Path,
    column: str | None,
    quotes: Quotes,
    part: int,
    processes: int,
    devices: list[str],
    int8: bool,
    overwrite: bool,
) -> None:
    """Encode the texts of FILE with MODEL, in bounded memory: row i of the output is of row i of FILE.

    MODEL is the folder of a sentence-transformers model, or its name on the hub.

    FILE is text in UTF-8 with one text on each line, or a table with a header (.tsv, .csv, .parquet).

    A .parquet file has the columns text and embedding; a .npy file [rows, dimensions] can be memory-mapped. When a run
    was killed, give the same command again: it goes on from the last finished part.
    """
    if int8 + bool(devices) + (processes > 1) > 1:
        raise click.UsageError("choose one of --processes, --devices and --int8")

    from contextlib import ExitStack

    from kosbert.apps import bulk
    from kosbert.inference.pytorch import Embedder, load, load_model
    from kosbert.inference.int8 import Int8Embedder
    from kosbert.inference.pool import pooled

    bulk.check_output(file, out, overwrite=overwrite)
    several = devices or ["cpu"] * processes * (processes > 1)
    with ExitStack() as stack:
        embedder: Embedder
        if several:
            embedder = stack.enter_context(pooled(load_model(model), several))
        else:
            embedder = Int8Embedder(load_model(model)) if int8 else load(model)
        rows = bulk.encode_file(embedder, file, out, column=column, quotes=quotes, part=part, overwrite=overwrite)
    click.echo(f"{rows:,} embeddings of {embedder.dimensions} dimensions in {out}")
