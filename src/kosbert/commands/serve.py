"""`kosbert serve`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.commands import options, servers
from kosbert.commands.paths import Model, UserCommand
from kosbert.errors import KosbertError, needs_extra, one_line

if TYPE_CHECKING:
    from kosbert.inference.encoder import Precision

PRECISIONS = ("auto", "fp32", "bf16", "int8")


@click.command(
    "serve",
    cls=UserCommand,
    short_help="Serve embeddings through OpenAI's API.",
    examples=("kosbert serve models/best", "kosbert serve models/best --name korean --truncate --port 8080"),
)
@click.argument("model", type=Model(), required=False)
@click.option("--name", help="Name of the model in requests.  [default: MODEL]")
@options.max_length
@click.option("--truncate", is_flag=True, help="Truncate texts that are too long, instead of refusing them.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Precision of the computation.",
)
@servers.host
@servers.port
def serve(
    model: str | None,
    *,
    name: str | None,
    max_length: int | None,
    truncate: bool,
    precision: Precision,
    host: str,
    port: int,
) -> None:
    """Serve embeddings of MODEL over HTTP, through OpenAI's API: POST /v1/embeddings.

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub. The default is
    models/best or models/nli_sts.

    If the environment variable KOSBERT_API_KEY is set, clients must send it as their API key. Texts that are longer
    than the model reads are refused. No data leaves this machine.
    """
    model = servers.model_or_default(model, "as MODEL")
    name, key = _name(model, name), servers.api_key()
    with needs_extra("serve", "The server"):
        from kosbert.apps.serving import app, listening
    from kosbert import load
    from kosbert.apps.serving.model import ServedModel

    with listening.listen(host, port) as sock:
        place = listening.place_of(sock, host)
        with load(model, precision=precision, max_length=max_length) as encoder:
            if place.hosts is None and not key:
                warning = f"Warning: {host} is not a loopback address, and {servers.API_KEY} is not set"
                options.tell(f"{warning}: anyone who can reach it can use the server")
            length = f"{encoder.max_length:,} tokens" if encoder.max_length else "texts of any length"
            about = f"{name} ({encoder.dimensions} dimensions, {length})"
            click.echo(f"Serving {about}: {place.address}/v1 (Ctrl-C stops it)")
            served = ServedModel(encoder, name=name, truncate=truncate)
            servers.serve_until_stopped(app.create_app(served, hosts=place.hosts, api_key=key), sock)


def _name(model: str, name: str | None) -> str:
    """Return the model's name in requests."""
    if name is None:
        name = model.rstrip("/") if Path(model).name else Path(model).resolve().name
    if not name or name != one_line(name):
        raise KosbertError(f"--name {name!a:.60}: expected printable characters, without spaces at either end")
    return name
