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


@click.command(
    "cluster",
    cls=UserCommand,
    short_help="Group sentences by meaning.",
    examples=(
        "kosbert cluster models/best sentences.txt --groups 8 --picture groups.svg",
        "kosbert cluster models/best texts.tsv --method communities --format csv",
    ),
)
@click.argument("model", type=Model())
@click.argument("file", type=Input())
@shared.column("Column with the sentences, in a table")
@shared.layout
@shared.max_length
@click.option("--method", type=click.Choice([*OPTIONS]), default="kmeans", show_default=True, help="Method; see above.")
@click.option(
    "--groups",
    type=click.IntRange(min=1),
    help="kmeans: number of groups.  [default: the number with the best silhouette]",
)
@click.option(
    "--distance",
    type=shared.FloatRange(0, 2, min_open=True),
    help="agglomerative: largest distance (1 − cosine) at which groups are merged.  "
    f"[default: that of pairs with a score of {SAME_TOPIC:g}]",
)
@click.option(
    "--similarity",
    type=shared.FloatRange(0, 1),
    help="communities: lowest cosine to a group's central sentence.  "
    f"[default: that of pairs with a score of {ALIKE:g}]",
)
@click.option(
    "--smallest",
    type=click.IntRange(min=1),
    help=f"communities: smallest number of sentences in a group.  [default: {SMALLEST}]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="Format of the output.",
)
@click.option("--out", type=Output(), help="Write the groups to this file instead of the screen.")
@click.option("--picture", type=Output(), help="Draw the groups into this file (.svg or .png).")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=42,
    show_default=True,
    help="Seed for kmeans and for the picture.",
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
    """Group the sentences in FILE by meaning, with the embeddings of MODEL.

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.

    FILE is a text file or a table with one sentence per row. Blank rows are skipped.

    kmeans divides all sentences into a number of groups. agglomerative merges groups until they are further apart than
    a distance, so the distance decides how many groups remain. communities suits large files: it finds groups of very
    similar sentences and leaves the others out.

    Spreadsheets treat a CSV field that begins with = + - or @ as a formula: import the column as text, or use JSON.

    The defaults of --distance and --similarity come from the calibration that training saves with the model: the cosine
    of pairs with a given score, from 0 (unrelated) to 5 (equivalent).
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
            raise KosbertError(f"--{name} is an option of --method {owner}, but the method is {method}")


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
        raise KosbertError(f"{model}: has no calibration, so its cosines have no default threshold; set {option}")
    cosine = calibration.cosine_of(score)
    meaning = f"the cosine that this model gives pairs with a score of {score:g} out of 5"
    shared.tell(f"threshold: {cosine:.3f}, {meaning}; {option} sets another")
    return cosine
