"""`kosbert demo`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.commands import options, servers
from kosbert.commands.paths import Input, Model, UserCommand
from kosbert.errors import needs_extra
from kosbert.readers.layout import Layout


@click.command(
    "demo",
    cls=UserCommand,
    short_help="Serve the web demo.",
    examples=("kosbert demo", "kosbert demo --model models/best --corpus corpus.txt --port 8080"),
)
@click.option(
    "--model",
    type=Model(),
    help="Folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.  "
    f"[default: {' or '.join(servers.MODELS)}]",
)
@click.option(
    "--corpus",
    type=Input(),
    help="Text file or table to search.  [default: 131 built-in sentences]",
)
@options.column("Column with the sentences, in a table")
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

    The corpus has one sentence per row; it is encoded at startup. /docs describes the JSON API, which includes OpenAI's
    /v1/embeddings (see `kosbert serve`). No data leaves this machine.
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
            options.tell(f"Warning: {host} is not a loopback address: anyone who can reach it can use the demo")
        options.say(f"Demo of {model}: {place.address} (Ctrl-C stops it)")
        servers.serve_until_stopped(server.create_app(engine, hosts=place.hosts, api_key=key), sock)
