"""Stage `evaluate@<row>`: one encoder's predictions for the test set, and their eight metrics."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage, check_unchanged


@click.command(cls=Stage)
@click.option("--model", type=Input(), required=True, help="The encoder.")
@click.option("--test", type=Input(), required=True, help="The tune file of the test pairs.")
@click.option("--predictions", type=click.Path(path_type=Path), required=True, help="File for the predictions.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the metrics.")
def main(model: Path, test: Path, predictions: Path, out: Path) -> None:
    """Score an encoder on a test set."""
    from kosbert.data.tables import read_tune
    from kosbert.encoder.encode import load_encode
    from kosbert.evaluation.predict import predict
    from kosbert.evaluation.scores import compute_metrics, write_predictions
    from kosbert.metrics import MAIN_METRIC, write_metrics

    predicted = predict(load_encode(model), [*read_tune(test)])
    metrics = compute_metrics(predicted, source=test)
    check_unchanged()
    write_predictions(predicted, predictions)
    write_metrics(out, metrics)
    click.echo(f"{out}: cosine Spearman {metrics[MAIN_METRIC]:.2f}, and seven more metrics")


if __name__ == "__main__":
    main()
