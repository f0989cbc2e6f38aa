"""The command `kosbert`. What a command needs is imported when it runs, so that help comes at once."""

# ruff: noqa: PLC0415 - see above

from pathlib import Path
from typing import get_args

import click

from kosbert.data.pairs import Quotes, read_pairs
from kosbert.errors import Command
from kosbert.evaluation.figures import FIGURES
from kosbert.files import write_text


@click.group()
@click.version_option(package_name="kosbert")
def main() -> None:
    """Train and benchmark Korean Sentence-BERT. Run in the project's top folder."""


@main.command("benchmark", cls=Command)
@click.option(
    "--fall-back/--no-fall-back",
    envvar="KOSBERT_FALL_BACK",
    show_envvar=True,
    default=True,
    help="Where the dataset can be had nowhere: run on the sample, or fail.",
)
def benchmark_command(*, fall_back: bool) -> None:
    """Regenerate the performance table: every stage that is not up to date, then the table."""
    from kosbert import benchmark

    benchmark.run(fall_back=fall_back)


@main.command("publish", cls=Command)
@click.argument("row")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; it may not exist yet.")
def publish_command(row: str, out: Path) -> None:
    """Write the folder of ROW's model that is ready for a model hub, with the eight figures in its card.

    ROW is a row of the table: base, or a recipe. Refused where the base's licence forbids to pass models on.
    """
    from kosbert import params
    from kosbert.publish import publish

    publish(params.load(), row, out)
    click.echo(f"{out}: ready; its card is {out / 'README.md'}")


def _three(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    if len(names) != 3 or not all(names):  # noqa: PLR2004 - what the message says
        raise click.BadParameter(f"expected the names of three columns with commas between them, found {value!r}")
    return names


@main.command("evaluate", cls=Command)
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--columns", callback=_three, help="Other names: sentence,sentence,score.")
@click.option(
    "--quotes", type=click.Choice(get_args(Quotes)), default="auto", show_default=True, help="How to read quotes."
)
@click.option("--json", "metrics", type=click.Path(path_type=Path), help="File for the figures.")
@click.option("--predictions", type=click.Path(path_type=Path), help="File for the similarities of each pair.")
def evaluate_command(
    model: str,
    file: Path,
    *,
    columns: tuple[str, ...] | None,
    quotes: Quotes,
    metrics: Path | None,
    predictions: Path | None,
) -> None:
    """Score MODEL on the sentence pairs in FILE: the eight figures.

    MODEL is the folder of a sentence-transformers model, or its name on the hub.

    FILE is a tab-separated table in UTF-8: with a header that names the columns sentence1, sentence2 and score, in any
    order and with others beside them; or without one, these three columns. Scores may be on any scale.

    Quotes: a field that begins with " is read as quoted, as CSV has it, unless the header is that of upstream KorSTS,
    where " is a letter. In other files where it is a letter, say --quotes letters.
    """
    import json

    from tabulate import tabulate

    from kosbert import loading
    from kosbert.evaluation.figures import CORRELATIONS, SIMILARITIES
    from kosbert.evaluation.predict import predict
    from kosbert.evaluation.scores import figures, write_predictions

    pairs = read_pairs(file, columns=columns, quotes=quotes)
    predicted = predict(loading.load(model), pairs)
    found = figures(predicted, source=file)
    if predictions:
        write_predictions(predicted, predictions)
    if metrics:
        write_text(metrics, json.dumps(found, indent=2) + "\n")
    rows = [[one, *(found[f"{one}_{other}"] for other in CORRELATIONS)] for one in SIMILARITIES]
    click.echo(f"{model} on the {len(pairs):,} pairs of {file}: correlation × 100 of score and similarity\n")
    click.echo(tabulate(rows, headers=["", *(other.title() for other in CORRELATIONS)], floatfmt=".2f"))


@main.command("mteb", cls=Command)
@click.argument("model")
@click.option("--tasks", default="STS", show_default=True, help="Names with commas between them, or a type, or all.")
@click.option(
    "--out", type=click.Path(path_type=Path), default="mteb-results", show_default=True, help="Folder for results."
)
def mteb_command(model: str, tasks: str, out: Path) -> None:
    """Run MTEB's Korean tasks on MODEL, through the library mteb.

    MODEL is the folder of a sentence-transformers model, or its name on the hub; its own prompts are used. The data of
    the tasks come from the hub. What has been run on the same model is not run again. A name that no task has lists
    those there are.
    """
    from tabulate import tabulate

    from kosbert.korean_tasks import choose, run

    rows = []
    for row in run(model, choose([name.strip() for name in tasks.split(",")]), out):
        click.echo(f"{row.task} is done", err=True)
        rows.append(row)
    click.echo(tabulate(rows, headers=["Task", "Type", "Figure", "× 100"], floatfmt=".2f"))
    click.echo(f"\nmteb's results are in {out}")


@main.command("difference", cls=Command)
@click.argument("base")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the Markdown to this file too, also on failure.",
)
def difference_command(base: str, out: Path | None) -> None:
    """Hold the figures here against those at BASE, a branch, tag or commit.

    Exits with 1 if one is lower by more than `report.drop_at_most` points, or its row has vanished.
    """
    from kosbert import params
    from kosbert.difference import compare, faults, report

    limit = params.load().report.drop_at_most
    found = compare(base)
    text = report(found, drop_at_most=limit)
    click.echo(text)
    if out:
        write_text(out, f"{text}\n")
    if faults(found, drop_at_most=limit):
        raise click.exceptions.Exit(1)


@main.command("spread", cls=Command)
@click.option("--figure", type=click.Choice(FIGURES), default="cosine_spearman", show_default=True)
@click.option("--rev", default="HEAD", show_default=True, help="The commit that the experiments began at.")
def spread_command(figure: str, rev: str) -> None:
    """Show mean and spread over seeds of the experiments of a sweep, for each other setting."""
    from kosbert.spread import finished, spread

    experiments, others = finished(rev)
    click.echo(spread(experiments, figure=figure))
    if others:
        click.echo(f"\nNot counted, for they failed or have not run yet: {others}.")
