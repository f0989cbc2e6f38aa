"""`kosbert cluster`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path
from typing import Any, Literal

import click

from kosbert.command import Command
from kosbert.commands import options as shared
from kosbert.errors import KosbertError
from kosbert.readers.text_files import Quotes

# The options of each method and their defaults. They suit our models; the cosines of others lie elsewhere.
OPTIONS: dict[str, dict[str, float | None]] = {
    "kmeans": {"groups": None},
    "agglomerative": {"distance": 0.8},
    "communities": {"similarity": 0.7, "smallest": 5},
}
DEFAULTS = {name: value for method in OPTIONS.values() for name, value in method.items()}


@click.command("cluster", cls=Command, short_help="Group sentences by meaning.")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@shared.column("Column of a table with the sentences")
@shared.quotes
@click.option(
    "--method", type=click.Choice([*OPTIONS]), default="kmeans", show_default=True, help="How to group; see above."
)
@click.option(
    "--groups",
    type=click.IntRange(min=1),
    help="kmeans: the number of groups.  [default: the one with the best silhouette]",
)
@click.option(
    "--distance",
    type=click.FloatRange(0, 2, min_open=True),
    help=f"agglomerative: 1 − cosine of groups to merge, at most.  [default: {DEFAULTS['distance']}]",
)
@click.option(
    "--similarity",
    type=click.FloatRange(0, 1),
    help=f"communities: cosine to a group's central sentence, at least.  [default: {DEFAULTS['similarity']}]",
)
@click.option(
    "--smallest",
    type=click.IntRange(min=1),
    help=f"communities: sentences in a group, at least.  [default: {DEFAULTS['smallest']}]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@click.option("--out", type=shared.OUTPUT, help="File to write the groups to, instead of the screen.")
@click.option("--picture", type=shared.OUTPUT, help="File to draw the groups in (.svg, .png).")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=42,
    show_default=True,
    help="Seed of kmeans and of the picture.",
)
def cluster(
    model: str,
    file: Path,
    *,
    column: str | None,
    quotes: Quotes,
    method: str,
    groups: int | None,
    distance: float | None,
    similarity: float | None,
    smallest: int | None,
    form: Literal["table", "json", "csv"],
    out: Path | None,
    picture: Path | None,
    seed: int,
) -> None:
    """Group the sentences in FILE by meaning, as MODEL has it.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    FILE is text in UTF-8 with one sentence on each line, or a table (.tsv, .csv, .parquet). Blank ones are left out.

    kmeans puts every sentence into one of a given number of groups. agglomerative merges groups up to a distance, which
    decides their number. communities, for large files, finds groups of sentences that are much alike, and leaves the
    others out.
    """
    given = {"groups": groups, "distance": distance, "similarity": similarity, "smallest": smallest}
    options = _options(method, {name: value for name, value in given.items() if value is not None})
    from kosbert import load
    from kosbert.apps import cluster_table, clustering
    from kosbert.files import write_text

    if picture:
        from kosbert.apps import cluster_plot  # matplotlib takes a while

        cluster_plot.check(picture)
    numbers, sentences = _read(file, column=column, quotes=quotes)
    if method == "agglomerative":
        clustering.check_size(len(sentences))
    with load(model) as encoder:
        embeddings = clustering.embed(encoder, sentences)
    if method == "kmeans":
        options["seed"] = seed
    found = getattr(clustering, method)(embeddings, **options)
    if picture:
        cluster_plot.draw(found, embeddings, sentences, picture, seed=seed)
    text = cluster_table.render(found, sentences, numbers, form=form)
    if out:
        write_text(out, text)
    else:
        click.echo(text, nl=False)


def _options(method: str, given: dict[str, float]) -> dict[str, Any]:
    for name in given:
        if name not in OPTIONS[method]:
            owner = next(other for other, options in OPTIONS.items() if name in options)
            raise KosbertError(f"--{name} is for --method {owner}; the method here is {method}")
    return OPTIONS[method] | given


def _read(file: Path, *, column: str | None, quotes: Quotes) -> tuple[list[int], list[str]]:
    from kosbert.readers.texts import read_texts

    texts = enumerate(read_texts(file, column=column, quotes=quotes), start=1)
    filled = {number: text for number, text in texts if text.strip()}
    if not filled:
        raise KosbertError(f"{file}: no texts in it")
    return [*filled], [*filled.values()]
