"""Compare encoders on KorNLI, whose labels no recipe for STS has seen: how well does the cosine alone separate them?

    python benchmarks/transfer.py models/base models/sts models/best --data data/nli/train.tsv

A premise should be nearer to a sentence it entails than to one that is neutral, or contradicts it. The numbers are
areas under the ROC curve x 100: how often that is so for two pairs drawn at random; 50 is chance. The genres are those
of MultiNLI, from travel guides to telephone calls, so the domain is not that of KorSTS either.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import Command


@click.command(cls=Command)
@click.argument("models", nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), required=True, help="NLI table of the pairs.")
def main(models: tuple[str, ...], data: Path) -> None:
    """Score MODELS: folders, or names on the hub."""
    import numpy as np
    from sklearn.metrics import roc_auc_score
    from tabulate import tabulate

    import kosbert
    from kosbert.data.tables import read_nli
    from kosbert.evaluation.predict import predict

    premises, hypotheses, labels = zip(*read_nli(data), strict=True)
    entailed = np.array(labels) == "entailment"
    against = [entailed | (np.array(labels) == label) for label in ("neutral", "contradiction")]
    pairs = list(zip(premises, hypotheses, entailed.astype(float), strict=True))
    rows = []
    for model in models:
        with kosbert.load(model) as encoder:
            cosine = predict(encoder.encode, pairs)["cosine"].to_numpy()
        rows.append([model, *(100 * roc_auc_score(entailed[part], cosine[part]) for part in against)])
    click.echo(f"{len(labels):,} pairs of {data}")
    click.echo(tabulate(rows, headers=["", "entailed or neutral", "entailed or contradicting"], floatfmt=".2f"))


if __name__ == "__main__":
    main()
