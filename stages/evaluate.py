"""Stage `evaluate@<row>`: one encoder's predictions for the test set, and their eight figures."""

import json
from pathlib import Path

import click

from kosbert.data.tables import read_tune
from kosbert.encoder.model import load
from kosbert.errors import Command
from kosbert.evaluation.predict import predict
from kosbert.evaluation.scores import figures, write_predictions
from kosbert.files import write_text


@click.command(cls=Command)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="The encoder.")
@click.option("--test", type=click.Path(path_type=Path), required=True, help="The tune file to score on.")
@click.option("--predictions", type=click.Path(path_type=Path), required=True, help="File for the similarities.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The metrics file.")
def main(model: Path, test: Path, predictions: Path, out: Path) -> None:
    """Score an encoder on a test set."""
    predicted = predict(load(model), [*read_tune(test)])
    scores = figures(predicted, source=test)
    write_predictions(predicted, predictions)
    write_text(out, json.dumps(scores, indent=2) + "\n")
    click.echo(f"{out}: cosine Spearman {scores['cosine_spearman']:.2f}, and seven more")


if __name__ == "__main__":
    main()
