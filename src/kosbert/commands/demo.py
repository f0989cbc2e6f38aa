"""`kosbert demo`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options, servers
from kosbert.commands.paths import Input, Model, UserCommand
from kosbert.errors import needs_extra
from kosbert.readers.layout import Layout


@click.command("demo", cls=UserCommand, short_help="Serve the web demo.")
@click.option(
    "--model",
    type=Model(),
    help=f"Folder of a model (an exported one, too), or a name on the hub.  [default: {' or '.join(servers.MODELS)}]",
)
@click.option(
    "--corpus",
    type=Input(),
    help="File to search: text or a table.  [default: 131 built-in sentences]",
)
@options.column("Column of that table")
@options.layout
@options.max_length
@servers.host
@servers.port
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
    interface is described at /docs; it includes OpenAI's /v1/embeddings, see `kosbert serve`. Nothing leaves this
    machine.
    """
    model, key = servers.model_or_default(model, "with --model"), servers.api_key()
    with needs_extra("demo", "The demo"):
        import python_multipart  # noqa: F401 - FastAPI says in other words that it is missing

        from kosbert.apps.demo import server
        from kosbert.apps.serving import listening
    from kosbert import load
    from kosbert.apps.demo.engine import Engine
    from kosbert.readers.texts import read_filled

    path = corpus or server.PAGE.with_name("corpus.txt")
    sentences = read_filled(path, column=column, layout=layout, tell=options.tell)
    with listening.listen(host, port) as sock:
        place = listening.place_of(sock, host)
        encoder = load(model, max_length=max_length)
        engine = Engine(encoder, model=model, sentences=sentences, corpus=corpus.name if corpus else "")
        options.tell_truncated(encoder, engine.corpus.truncated, engine.corpus.size)
        if place.hosts is None:
            options.tell(f"Warning: {host} is no loopback address; whoever reaches this machine can use the demo")
        options.say(f"The demo with {model}: {place.address} (Ctrl-C stops it)")
        servers.serve_until_stopped(server.create_app(engine, hosts=place.hosts, api_key=key), sock)
