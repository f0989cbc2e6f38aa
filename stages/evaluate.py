"""Stage `evaluate@<row>`: one encoder's predictions for each test set, their metrics, and how few dimensions do."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage, check_unchanged

PATH = click.Path(path_type=Path)


@click.command(cls=Stage)
@click.option("--model", type=Input(), required=True, help="The encoder.")
@click.option("--test", type=Input(), required=True, help="The tune file of the test pairs.")
@click.option("--extra-test", type=Input(), required=True, help="Folder of the extra test sets.")
@click.option("--dev", type=Input(), required=True, help="The tune file of the dev pairs.")
@click.option("--extra-dev", type=Input(), required=True, help="Folder of the dev sets of extra scored pairs.")
@click.option("--predictions", type=PATH, required=True, help="File for the predictions.")
@click.option("--extra-predictions", type=PATH, required=True, help="Folder for the predictions for extra test sets.")
@click.option("--out", type=PATH, required=True, help="File for the metrics.")
@click.option("--extra-out", type=PATH, required=True, help="File for the metrics on extra test sets.")
@click.option("--dimensions", type=PATH, required=True, help="File for the dev scores of shortened embeddings.")
def main(
    *,
    model: Path,
    test: Path,
    extra_test: Path,
    dev: Path,
    extra_dev: Path,
    predictions: Path,
    extra_predictions: Path,
    out: Path,
    extra_out: Path,
    dimensions: Path,
) -> None:
    """Score an encoder on the test sets; on the dev sets, score its embeddings cut to fewer numbers."""
    from kosbert import params
    from kosbert.data.tables import read_tune
    from kosbert.encoder.encode import load_encode
    from kosbert.evaluation.dimensions import score_dimensions
    from kosbert.evaluation.predict import predict
    from kosbert.evaluation.scores import compute_metrics, write_predictions, write_predictions_of
    from kosbert.files import tables_in
    from kosbert.metrics import MAIN_METRIC, write_dimensions, write_extra_metrics, write_metrics

    encode, shorter = load_encode(model), params.load().report.dimensions
    tests, devs = {params.STS: test, **tables_in(extra_test)}, {params.STS: dev, **tables_in(extra_dev)}
    predicted = {name: predict(encode, [*read_tune(path)]) for name, path in tests.items()}
    metrics = {name: compute_metrics(predicted[name], source=path) for name, path in tests.items()}
    cut = {name: score_dimensions(encode, [*read_tune(path)], shorter, source=path) for name, path in devs.items()}
    check_unchanged()
    write_predictions(predicted.pop(params.STS), predictions)
    write_predictions_of(predicted, extra_predictions)
    write_metrics(out, own := metrics.pop(params.STS))
    write_extra_metrics(extra_out, metrics)
    write_dimensions(dimensions, cut)
    click.echo(f"{out}: cosine Spearman {own[MAIN_METRIC]:.2f}, and seven more metrics")
    for name, each in metrics.items():
        click.echo(f"{extra_out}: on {name}, cosine Spearman {each[MAIN_METRIC]:.2f}, and seven more metrics")


if __name__ == "__main__":
    main()
