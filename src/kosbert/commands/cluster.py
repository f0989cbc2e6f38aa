"""`kosbert cluster`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from kosbert.command import printable
from kosbert.commands import options as shared
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.errors import KosbertError, needs_extra
from kosbert.readers.layout import Layout

if TYPE_CHECKING:
    from kosbert.inference.encoder import Calibration

OPTIONS = {"kmeans": ["groups"], "agglomerative": ["distance"], "communities": ["similarity", "smallest"]}
SMALLEST = 5
# Scores from 0 to 5, for which a model's calibration has the cosine: two groups on one topic, and sentences that say
# nearly the same.
SAME_TOPIC, ALIKE = 0.5, 3.5


@click.command("cluster", cls=UserCommand, short_help="Group sentences by meaning.")
@click.argument("model", type=Model())
@click.argument("file", type=Input())
@shared.column("Column of a table with the sentences")
@shared.layout
@shared.max_length
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
    type=shared.FloatRange(0, 2, min_open=True),
    help=f"agglomerative: 1 − cosine of groups to merge, at most.  [default: of pairs with a score of {SAME_TOPIC:g}]",
)
@click.option(
    "--similarity",
    type=shared.FloatRange(0, 1),
    help=f"communities: cosine to a group's central sentence, at least.  [default: of pairs with a score of {ALIKE:g}]",
)
@click.option(
    "--smallest",
    type=click.IntRange(min=1),
    help=f"communities: sentences in a group, at least.  [default: {SMALLEST}]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="What to write.",
)
@click.option("--out", type=Output(), help="File to write the groups to, instead of the screen.")
@click.option("--picture", type=Output(), help="File to draw the groups in (.svg, .png).")
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
    layout: Layout,
    max_length: int | None,
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

    FILE is text or a table, with one sentence in each row; blank ones are left out.

    kmeans puts every sentence into one of a given number of groups. agglomerative merges groups up to a distance, which
    decides their number. communities, for large files, finds groups of sentences that are much alike, and leaves the
    others out.

    A spreadsheet that opens CSV takes a sentence that begins with = + - or @ for a formula: import the column as text,
    or use JSON.

    The defaults of --distance and --similarity are cosines of the model's calibration, which it has from its training:
    those of pairs with a certain score, from 0 (unrelated) to 5 (equivalent).
    """
    given = {"groups": groups, "distance": distance, "similarity": similarity, "smallest": smallest}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _check_method(method, options)
    from kosbert import load
    from kosbert.apps import cluster_table, clustering
    from kosbert.files import write_text
    from kosbert.readers.texts import read_numbered

    if picture:
        with needs_extra("plot", "--picture"):
            from kosbert.apps import cluster_plot  # matplotlib takes a while

        cluster_plot.check(picture)
    filled = read_numbered(file, column=column, layout=layout, tell=shared.tell)
    numbers, sentences = [*filled], [*filled.values()]
    if method == "agglomerative":
        clustering.check_size(len(sentences))
    with load(model, max_length=max_length) as encoder:
        options = _with_defaults(method, options, encoder.calibration, model=model, seed=seed)
        shared.tell_truncated(encoder, encoder.count_truncated(sentences), len(sentences))
        embeddings = clustering.embed(encoder, sentences)
    found = getattr(clustering, method)(embeddings, **options)
    if picture:
        cluster_plot.draw(found, embeddings, sentences, picture, seed=seed)
    text = cluster_table.render(found, sentences, numbers, form=form)
    if out:
        write_text(out, text)
    else:
        if form == "json":
            text = shared.escaped(text)
        elif shared.on_terminal():
            text = printable(text)
        if form != "table":  # which is for people, and may have escapes
            shared.check_encodable(text)
        click.echo(text, nl=False, color=True)  # else click drops what looks like a colour from a sentence


def _check_method(method: str, given: dict[str, Any]) -> None:
    for name in given:
        if name not in OPTIONS[method]:
            owner = next(other for other, options in OPTIONS.items() if name in options)
            raise KosbertError(f"--{name} is for --method {owner}; the method here is {method}")


def _with_defaults(
    method: str, given: dict[str, Any], calibration: Calibration | None, *, model: str, seed: int
) -> dict[str, Any]:
    match method:
        case "kmeans":
            return {"seed": seed} | given
        case "agglomerative":
            return given if given else {"distance": 1 - _cosine(calibration, SAME_TOPIC, "--distance", model)}
    if "similarity" not in given:
        given = {"similarity": _cosine(calibration, ALIKE, "--similarity", model)} | given
    return {"smallest": SMALLEST} | given


def _cosine(calibration: Calibration | None, score: float, option: str, model: str) -> float:
    if calibration is None:
        raise KosbertError(
            f"{model}: has no calibration, which tells what its cosines mean, so there is no default; give {option}"
        )
    cosine = calibration.cosine_of(score)
    meaning = f"cosine of at least {cosine:.3f}, which this model gives to pairs with a score of {score:g} of 5"
    shared.tell(f"alike: a {meaning}; {option} says otherwise")
    return cosine
