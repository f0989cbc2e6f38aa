"""`kosbert demo`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, UserCommand
from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout

MODELS = ("models/best", "models/nli_sts")  # the first that is there is served


@click.command("demo", cls=UserCommand, short_help="Serve the web demo.")
@click.option(
    "--model",
    type=Model(),
    help=f"Folder of a model (an exported one, too), or a name on the hub.  [default: {' or '.join(MODELS)}]",
)
@click.option(
    "--corpus",
    type=Input(),
    help="File to search: text or a table.  [default: 131 built-in sentences]",
)
@options.column("Column of that table")
@options.layout
@options.max_length
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
def demo(
    model: str | None,
    corpus: Path | None,
    *,
    column: str | None,
    layout: Layout,
    max_length: int | None,
    host: str,
    port: int,
) -> None:
    """Serve the web demo: search, similarity and clusters, in Korean and English.

    The corpus is text or a table, with one sentence in each row; its embeddings are made at the start. The JSON
    interface is described at /docs. Nothing leaves this machine.
    """
    import ipaddress

    model = model or next((name for name in MODELS if Path(name).exists()), None)
    if model is None:
        raise KosbertError(f"{MODELS[0]}: is not there yet; `make benchmark` makes it, or choose another with --model")
    try:
        from kosbert.apps.demo import server
    except ImportError as error:
        raise KosbertError(
            f"{error.name} is not installed: the demo is an extra, pip install 'kosbert[demo]'"
        ) from error
    from kosbert import load
    from kosbert.apps.demo.engine import Engine
    from kosbert.readers.texts import read_filled

    path = corpus or server.PAGE.with_name("corpus.txt")
    sentences = read_filled(path, column=column, layout=layout, tell=options.tell)
    with server.listen(host, port) as place:
        address, taken = place.getsockname()[:2]
        local = ipaddress.ip_address(address).is_loopback
        encoder = load(model, max_length=max_length)
        engine = Engine(encoder, model=model, sentences=sentences, corpus=corpus.name if corpus else "")
        options.tell_truncated(encoder, engine.corpus.truncated, engine.corpus.size)
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
