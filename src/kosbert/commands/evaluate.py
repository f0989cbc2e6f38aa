"""`kosbert evaluate`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import Command
from kosbert.commands import options
from kosbert.readers.text_files import Quotes


def _three(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    if len(names) != 3 or not all(names):  # noqa: PLR2004 - what the message says
        raise click.BadParameter(f"expected the names of three columns with commas between them, found {value!r}")
    return names


@click.command("evaluate", cls=Command, short_help="Score a model on sentence pairs of your own.")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--columns",
    callback=_three,
    help="Names of the two sentence columns and the score.  [default: sentence1,sentence2,score]",
)
@options.quotes
@click.option("--json", "metrics", type=options.OUTPUT, help="File to write the eight metrics to, as JSON.")
@click.option("--predictions", type=options.OUTPUT, help="File to write each pair's four similarities to (.tsv).")
def evaluate(
    model: str,
    file: Path,
    *,
    columns: tuple[str, ...] | None,
    quotes: Quotes,
    metrics: Path | None,
    predictions: Path | None,
) -> None:
    """Score MODEL on the sentence pairs in FILE, by the correlation of four similarities with the scores.

    MODEL is the folder of a sentence-transformers model or of an exported one, or a name on the hub.

    FILE is a tab-separated table in UTF-8: with a header that names the columns sentence1, sentence2 and score, in any
    order and with others beside them; or without one, these three columns. Scores may be on any scale.

    The eight metrics are Pearson's and Spearman's correlation × 100 for cosine, Euclidean and Manhattan distance
    (negated) and dot product.

    --quotes auto takes " for a letter under the header of upstream KorSTS.
    """
    from tabulate import tabulate

    from kosbert import load
    from kosbert.evaluation.predict import predict
    from kosbert.evaluation.scores import compute_metrics, write_predictions
    from kosbert.metrics import CORRELATIONS, SIMILARITIES, write_metrics
    from kosbert.readers.pairs import read_pairs

    pairs = read_pairs(file, columns=columns, quotes=quotes)
    with load(model) as encoder:
        predicted = predict(encoder.encode, pairs)
    found = compute_metrics(predicted, source=file)
    if predictions:
        write_predictions(predicted, predictions)
    if metrics:
        write_metrics(metrics, found)
    rows = [[one, *(found[f"{one}_{other}"] for other in CORRELATIONS)] for one in SIMILARITIES]
    click.echo(f"{model} on the {len(pairs):,} pairs of {file}: correlation × 100 of score and similarity\n")
    click.echo(tabulate(rows, headers=["", *(other.title() for other in CORRELATIONS)], floatfmt=".2f"))
