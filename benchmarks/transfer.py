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
from kosbert.encoder import load
from kosbert.encoding import encode
from kosbert.errors import Command


@click.command(cls=Command)
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="NLI table of the pairs.")
def main(models: tuple[Path, ...], data: Path) -> None:
    """Score MODELS, which are folders."""
    premises, hypotheses, labels = (np.array(column) for column in zip(*read_nli(data), strict=True))
    rows = []
    for model in models:
        embeddings = encode(load(model), [*premises, *hypotheses])
        one, other = np.split(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), 2)
        cosine, entailed = (one * other).sum(axis=1), labels == "entailment"
        against = [labels == other for other in ("neutral", "contradiction")]
        rows.append(
            [model, *(100 * roc_auc_score(entailed[entailed | each], cosine[entailed | each]) for each in against)]
        )
    click.echo(f"{len(labels):,} pairs of {data}")
    click.echo(tabulate(rows, headers=["", "entailed or neutral", "entailed or contradicting"], floatfmt=".2f"))


if __name__ == "__main__":
    main()
