"""How well encoders tell labels of KorNLI apart by their cosine alone, which no recipe for STS has seen.

    python benchmarks/transfer.py models/base models/sts models/best --data data/nli/train.tsv

A premise should be nearer to a sentence it entails than to one that is neutral, or contradicts it. What is shown is the
area under the ROC curve x 100: how often that is so, of two pairs drawn at random; 50 is chance. Genres are those of
MultiNLI, from travel guides to telephone calls, so it is another domain than KorSTS as well.
"""

from pathlib import Path

import click
import numpy as np
from sklearn.metrics import roc_auc_score
from tabulate import tabulate

from kosbert.data.tables import read_nli
from kosbert.encoder.model import load
from kosbert.errors import Command
from kosbert.evaluation.predict import predict


@click.command(cls=Command)
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="NLI table of the pairs.")
def main(models: tuple[Path, ...], data: Path) -> None:
    """Score MODELS, which are folders."""
    premises, hypotheses, labels = zip(*read_nli(data), strict=True)
    entailed = np.array(labels) == "entailment"
    against = [entailed | (np.array(labels) == label) for label in ("neutral", "contradiction")]
    pairs = list(zip(premises, hypotheses, entailed.astype(float), strict=True))
    rows = []
    for model in models:
        cosine = predict(load(model), pairs)["cosine"].to_numpy()
        rows.append([model, *(100 * roc_auc_score(entailed[part], cosine[part]) for part in against)])
    click.echo(f"{len(labels):,} pairs of {data}")
    click.echo(tabulate(rows, headers=["", "entailed or neutral", "entailed or contradicting"], floatfmt=".2f"))


if __name__ == "__main__":
    main()
