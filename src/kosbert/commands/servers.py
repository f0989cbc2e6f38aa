"""What `kosbert serve` and `kosbert demo` share: their model, address and API key, and how they stop."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.errors import KosbertError

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

MODELS = ("models/best", "models/nli_sts")  # the first that exists is served
API_KEY = "KOSBERT_API_KEY"

host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)


def model_or_default(model: str | None, other: str) -> str:
    """Return the model to serve.

    Args:
        model: the model that the user chose; one that the benchmark makes, if None.
        other: how the user chooses another.

    Raises:
        KosbertError: the benchmark has not made one yet.
    """
    chosen = model or next((name for name in MODELS if Path(name).exists()), None)
    if chosen is None:
        raise KosbertError(f"{MODELS[0]}: not found; train it with `make benchmark`, or give another model {other}")
    return chosen


def api_key() -> str:
    """Return the API key that clients must send; empty if they need none.

    Raises:
        KosbertError: no client could send it in a header.
    """
    key = os.environ.get(API_KEY, "")
    if not all("!" <= letter <= "~" for letter in key):
        raise KosbertError(f"{API_KEY}: expected printable ASCII characters without spaces")
    return key


def serve_until_stopped(app: ASGIApp, sock: socket.socket) -> None:
    """Serve until Ctrl-C, and say so."""
    from kosbert.apps.serving import listening

    try:
        listening.serve(app, sock)
    except KeyboardInterrupt:
        click.echo("Stopped")
