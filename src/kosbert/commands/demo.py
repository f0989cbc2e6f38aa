"""`kosbert demo`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import Command
from kosbert.commands import options
from kosbert.errors import KosbertError

MODEL = "models/nli_sts"


@click.command("demo", cls=Command, short_help="Serve the web demo.")
@click.option(
    "--model", default=MODEL, show_default=True, help="Folder of a model (an exported one, too), or a name on the hub."
)
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    help="File to search: text or a table.  [default: 131 built-in sentences]",
)
@options.column("Column of that table")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
def demo(model: str, corpus: Path | None, *, column: str | None, host: str, port: int) -> None:
    """Serve the web demo: search, similarity and clusters, in Korean and English.

    A corpus is text in UTF-8 with one sentence on each line, or a table (.tsv, .csv, .parquet); its embeddings are made
    at the start. The JSON interface is described at /docs. Nothing leaves this machine.
    """
    import ipaddress

    if model == MODEL and not Path(model).exists():
        raise KosbertError(f"{model}: is not there yet; `make benchmark` makes it, or choose another with --model")
    try:
        from kosbert.apps.demo import server
    except ImportError as error:
        raise KosbertError(
            f"{error.name} is not installed: the demo is an extra, pip install 'kosbert[demo]'"
        ) from error
    from kosbert import load
    from kosbert.apps.demo.engine import Engine
    from kosbert.readers.texts import read_filled

    sentences = read_filled(corpus or server.PAGE.with_name("corpus.txt"), column=column)
    with server.listen(host, port) as place:
        address, taken = place.getsockname()[:2]
        local = ipaddress.ip_address(address).is_loopback
        engine = Engine(load(model), model=model, sentences=sentences, corpus=corpus.name if corpus else "")
        hosts = (*server.LOOPBACK, host) if local else None
        if not local:
            click.echo(
                f"Warning: {host} is no loopback address; whoever reaches this machine can use the demo", err=True
            )
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"The demo with {model}: http://{shown}:{taken} (Ctrl-C stops it)")
        try:
            server.serve(server.create_app(engine, hosts=hosts), place)
        except KeyboardInterrupt:
            click.echo("Stopped")
