"""Compare encoders on what no recipe is made for: telling entailed sentences from others, and finding a paraphrase.

    python benchmarks/transfer.py models/base models/nli models/nli_sts models/best --nli data/nli/train.tsv \
        --pairs data/tune/tune_test.tsv --pairs data/extra/test/klue.tsv

All numbers are x 100. They tell what a model is worth beside its correlation on a test set; nothing is to be chosen by
them, for then they would tell no more.

- Entailment, by the area under the ROC curve: how often the cosine of an entailed sentence with its premise is above
  that of a neutral one (or one that contradicts it), for two pairs drawn at random; 50 is chance. The genres are those
  of MultiNLI, from travel guides to telephone calls. Recipes that learn from NLI have seen these very pairs.
- Retrieval: each sentence of a pair with a score of 4 or more looks for the other among all distinct sentences of the
  file but itself. MRR is the mean of 1 / rank; R@1 is how often the other comes first. Sentences that are as near as
  the other count as nearer, and so do further paraphrases. Pairs of twice the same text are left out, for nothing else
  can come before them. From 110 pairs, an R@1 of 90 is known to within 5 or 6 points (95 %).
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kosbert.command import Command
from kosbert.errors import KosbertError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARAPHRASES = 4.0  # the score from which the sentences of a pair are to find each other
CHUNK = 256  # searches at once
MTEB = 'kosbert mteb MODEL --tasks "MTEB(kor, v2)"'


@click.command(cls=Command)
@click.argument("models", nargs=-1, required=True)
@click.option("--nli", type=click.Path(path_type=Path), required=True, help="NLI table of the pairs.")
@click.option(
    "--pairs", type=click.Path(path_type=Path), multiple=True, required=True, help="Tune file to search in; repeatable."
)
def main(models: tuple[str, ...], nli: Path, pairs: tuple[Path, ...]) -> None:
    """Score MODELS: folders, or names on the hub."""
    import numpy as np
    from sklearn.metrics import roc_auc_score
    from tabulate import tabulate

    import kosbert
    from kosbert.data.tables import read_nli, read_tune
    from kosbert.evaluation.predict import predict

    premises, hypotheses, labels = zip(*read_nli(nli), strict=True)
    if missing := {"entailment", "neutral", "contradiction"} - {*labels}:
        raise KosbertError(f"{nli}: no pair is labelled {' or '.join(sorted(missing))}, so there is nothing to compare")
    entailed = np.array(labels) == "entailment"
    against = [entailed | (np.array(labels) == label) for label in ("neutral", "contradiction")]
    entailments = list(zip(premises, hypotheses, entailed.astype(float), strict=True))
    searches = {file.stem: searches_in([*read_tune(file)], source=file) for file in pairs}
    rows = []
    for model in models:
        with kosbert.load(model) as encoder:
            cosine = predict(encoder.encode, entailments)["cosine"].to_numpy()
            row = [roc_auc_score(entailed[part], cosine[part]) for part in against]
            for sentences, asked, wanted in searches.values():
                found = ranks(encoder.encode(sentences), asked, wanted)
                row += [(1 / found).mean(), (found == 1).mean()]
        rows.append([model, *(100 * value for value in row)])
    click.echo(f"entailment: {len(labels):,} pairs of {nli}")
    for name, (sentences, asked, _) in searches.items():
        click.echo(f"{name}: {len(asked):,} searches among {len(sentences):,} sentences")
    measures = [f"{name} {measure}" for name in searches for measure in ("MRR", "R@1")]
    headers = ["", "entailed or neutral", "entailed or contradicting", *measures]
    click.echo(tabulate(rows, headers=headers, floatfmt=".2f"))
    click.echo(f"With a network, also: {MTEB}")


def searches_in(
    pairs: list[tuple[str, str, float]], *, source: Path
) -> tuple[list[str], NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct sentences of pairs; and of each search, the rows of who looks and of what is wanted.

    Args:
        pairs: the pairs, each as sentence, sentence, score.
        source: the file that an error names.

    Raises:
        KosbertError: no pair is a paraphrase.
    """
    import numpy as np

    rows = {sentence: row for row, sentence in enumerate(dict.fromkeys(side for *both, _ in pairs for side in both))}
    like = [(rows[one], rows[other]) for one, other, score in pairs if score >= PARAPHRASES and one != other]
    if not like:
        raise KosbertError(f"{source}: no pair of different sentences has a score of {PARAPHRASES:g} or more")
    one, other = np.array(like).T
    return [*rows], np.concatenate([one, other]), np.concatenate([other, one])


def ranks(embeddings: NDArray[np.float32], asked: NDArray[np.intp], wanted: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rank of the wanted sentence, by the cosine with the one that looks, which is not counted itself.

    Args:
        embeddings: the embeddings of all sentences [sentences, dimensions].
        asked: the rows of the sentences that look [searches].
        wanted: the rows of the sentences that they look for [searches].
    """
    import numpy as np

    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    found = []
    for start in range(0, len(asked), CHUNK):
        here, there = asked[start : start + CHUNK], wanted[start : start + CHUNK]
        cosines, row = unit[here] @ unit.T, np.arange(len(here))
        cosines[row, here] = -np.inf
        found.append((~(cosines < cosines[row, there][:, None])).sum(axis=1))
    return np.concatenate(found)


if __name__ == "__main__":
    main()
