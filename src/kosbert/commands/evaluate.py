"""`kosbert evaluate`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.commands import options
from kosbert.commands.paths import Input, Model, Output, UserCommand
from kosbert.readers.layout import Layout

if TYPE_CHECKING:
    from kosbert.inference.encoder import Calibration


def _three(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    if len(names) != 3 or not all(names):  # noqa: PLR2004 - what the message says
        raise click.BadParameter(f"expected three column names separated by commas, found {value!r}")
    return names


@click.command(
    "evaluate",
    cls=UserCommand,
    short_help="Evaluate a model on your own sentence pairs.",
    examples=(
        "kosbert evaluate models/best pairs.tsv",
        "kosbert evaluate models/best pairs.tsv --columns left,right,label",
    ),
)
@click.argument("model", type=Model())
@click.argument("file", type=Input())
@click.option(
    "--columns",
    callback=_three,
    help="Names of the two sentence columns and the score column.  [default: sentence1,sentence2,score]",
)
@options.layout
@options.max_length
@click.option("--json", "metrics", type=Output(), help="Write the eight metrics to this file, as JSON.")
@click.option("--predictions", type=Output(), help="Write the four similarities of each pair to this file (.tsv).")
def evaluate(
    model: str,
    file: Path,
    *,
    columns: tuple[str, ...] | None,
    layout: Layout,
    max_length: int | None,
    metrics: Path | None,
    predictions: Path | None,
) -> None:
    """Evaluate MODEL on the sentence pairs in FILE: how well do its similarities correlate with the scores?

    MODEL is a folder with a sentence-transformers or exported model, or a name on the Hugging Face Hub.

    FILE is a table with the columns sentence1, sentence2 and score, in any order; other columns are ignored. A table
    without a header has only these three, in this order. Scores may have any scale.

    The eight metrics are the Pearson and Spearman correlations (× 100) of cosine similarity, negated Euclidean
    distance, negated Manhattan distance and dot product.

    With the header of the original KorSTS files, --quotes auto reads " as a letter.
    """
    from tabulate import tabulate

    from kosbert import load
    from kosbert.evaluation.predict import predict
    from kosbert.evaluation.scores import compute_metrics, write_predictions
    from kosbert.metrics import CORRELATIONS, SIMILARITIES, write_metrics
    from kosbert.readers.pairs import read_pairs

    pairs = read_pairs(file, columns=columns, layout=layout, tell=options.tell)
    with load(model, max_length=max_length) as encoder:
        predicted = predict(encoder.encode, pairs)
        sentences = [sentence for *both, _ in pairs for sentence in both]
        options.tell_truncated(encoder, encoder.count_truncated(sentences), len(sentences))
    found = compute_metrics(predicted, source=file)
    if predictions:
        write_predictions(predicted, predictions)
    if metrics:
        write_metrics(metrics, found)
    rows = [[one, *(found[f"{one}_{other}"] for other in CORRELATIONS)] for one in SIMILARITIES]
    options.say(f"{model} on the {len(pairs):,} pairs of {file}: correlation × 100 of score and similarity\n")
    click.echo(tabulate(rows, headers=["", *(other.title() for other in CORRELATIONS)], floatfmt=".2f"))
    if encoder.calibration:
        click.echo(f"\n{_meaning(encoder.calibration)}")


def _meaning(calibration: Calibration) -> str:
    from kosbert.encoder.meaning import match_sentence

    low, high = calibration.score[0], calibration.score[-1]
    known = ", ".join(f"{cosine:.2f} is {score}" for score, cosine in calibration.whole_scores.items())
    return (
        "What a cosine of this model means, as a score from 0 to 5 (measured on dev pairs): "
        f"{known or f'{low:.1f} to {high:.1f}, whatever the cosine'}.\n{match_sentence(calibration)}"
    )
