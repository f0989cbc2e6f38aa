"""Sentences into groups of like meaning, by their embeddings; and onto a plane, to be looked at."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, ward
from sentence_transformers.util import community_detection
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from kosbert.inference.pytorch import Embedder
from kosbert.apps.search import unit
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError

AT_ONCE = 2_048  # sentences encoded between two moves of the bar
STARTS = 4  # of k-means at random, of which the best result counts, beside that from Ward's groups
MOST_GROUPS = 50  # that are looked for where no number is given
SAMPLE = 1_000  # sentences on which the number of groups is chosen, and that Ward's method takes
LARGEST = 20_000  # sentences that can be merged pair by pair: n²/2 distances of 8 bytes are then 1.6 GB
CELLS = 1 << 26  # similarities that community detection holds at once: 256 MB
PERPLEXITY = 30.0  # of t-SNE: about how many neighbours each sentence is to stay near
FEWEST = 5  # distinct sentences that t-SNE can lay out
DIGITS = 6  # to which embeddings are equal: the same sentence differs in float32's last one


@dataclass(frozen=True)
class Group:
    """Sentences that belong together."""

    rows: list[int]  # of the embeddings, the most central first: by the cosine to the group's mean

    @property
    def central(self) -> int:
        """Return the row of the sentence that best stands for the group."""
        return self.rows[0]


def embed(embedder: Embedder, sentences: Sequence[str]) -> Embeddings:
    """Return the embeddings [sentences, dimensions], with a bar. Equal sentences have equal ones to the last digit."""
    distinct = [*dict.fromkeys(sentences)]
    row = {sentence: number for number, sentence in enumerate(distinct)}
    parts = []
    with tqdm(total=len(distinct), desc="Sentences", unit="", disable=None) as bar:
        for start in range(0, len(distinct), AT_ONCE):
            parts.append(embedder.encode(distinct[start : start + AT_ONCE]))
            bar.update(len(parts[-1]))
    return np.concatenate(parts)[[row[sentence] for sentence in sentences]]


def kmeans(embeddings: Embeddings, groups: int | None = None, *, seed: int = 42) -> list[Group]:
    """Part embeddings into so many groups, each embedding to the nearest mean.

    Args:
        embeddings: the embeddings [sentences, dimensions]; their lengths do not matter.
        groups: how many; if None, the number from 2 to twice the root of their count (at most `MOST_GROUPS`) that has
            the best silhouette (Rousseeuw, 1987, Silhouettes), or one group where there are too few to tell.
        seed: of the starting points.

    Returns:
        The groups, the largest first.

    Raises:
        KosbertError: there are no embeddings, or fewer distinct ones than groups.
    """
    units = _units(embeddings)
    distinct = _distinct(units)
    if groups is None:
        groups = _best_number(units, seed)
    if not 1 <= groups <= distinct:
        raise KosbertError(f"{groups} groups asked for, of {distinct:,} distinct sentences: choose 1 to {distinct:,}")
    (labels,) = _partings(units, [groups], seed)
    return _groups(units, _by_label(labels))


def agglomerative(embeddings: Embeddings, *, distance: float) -> list[Group]:
    """Merge the two nearest groups until all are further apart than `distance`, beginning with single sentences.

    Args:
        embeddings: the embeddings [sentences, dimensions], at most `LARGEST`.
        distance: 1 − cosine, on average over the pairs of two groups.

    Returns:
        The groups, the largest first.

    Raises:
        KosbertError: there are no embeddings, or too many.
    """
    units = _units(embeddings)
    check_size(len(units))
    if len(units) == 1:
        return [Group([0])]
    merging = AgglomerativeClustering(None, metric="cosine", linkage="average", distance_threshold=distance)
    return _groups(units, _by_label(merging.fit_predict(units)))


def check_size(sentences: int) -> None:
    """Refuse more sentences than can be merged pair by pair.

    Raises:
        KosbertError: there are more than `LARGEST`.
    """
    if sentences > LARGEST:
        raise KosbertError(
            f"{sentences:,} sentences: agglomerative grouping holds the distance of every pair, "
            f"and takes at most {LARGEST:,}; use communities"
        )


def communities(embeddings: Embeddings, *, similarity: float, smallest: int) -> list[Group]:
    """Find groups around a sentence to which all others of the group are similar. Not every sentence is in one.

    For large sets: no pair's similarity is kept that is below the threshold.

    Args:
        embeddings: the embeddings [sentences, dimensions].
        similarity: cosine to the sentence in the middle, at least.
        smallest: sentences of a group, at least.

    Returns:
        The groups, the largest first; for the sentences in none, see `rest`.

    Raises:
        KosbertError: there are no embeddings.
    """
    units = _units(embeddings)
    found = community_detection(
        units,
        threshold=similarity - 10.0**-DIGITS,
        min_community_size=smallest,
        batch_size=min(1_024, max(1, CELLS // len(units))),
    )
    return _groups(units, (np.array(rows) for rows in found))


def rest(groups: list[Group], sentences: int) -> list[int]:
    """Return the rows that are in no group."""
    grouped = {row for group in groups for row in group.rows}
    return [row for row in range(sentences) if row not in grouped]


def project_2d(embeddings: Embeddings, *, seed: int = 42) -> NDArray[np.float32]:
    """Lay embeddings out on a plane, near ones near: by t-SNE (van der Maaten and Hinton, 2008), or few by PCA.

    Args:
        embeddings: the embeddings [sentences, dimensions]. Equal ones come to lie in the same place.
        seed: of the layout.

    Returns:
        The places [sentences, 2].

    Raises:
        KosbertError: there are no embeddings.
    """
    distinct, rows = np.unique(_units(embeddings).round(DIGITS), axis=0, return_inverse=True)
    if len(distinct) < FEWEST:
        left, lengths, _ = np.linalg.svd(distinct - distinct.mean(axis=0), full_matrices=False)
        places = np.zeros((len(distinct), 2), np.float32)
        axes = min(2, len(lengths))
        places[:, :axes] = left[:, :axes] * lengths[:axes]
    else:
        perplexity = min(PERPLEXITY, (len(distinct) - 1) / 3)
        with threadpool_limits(1):  # several threads add in any order, and t-SNE makes much of the last digit
            places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(distinct)
    return np.asarray(places, np.float32)[rows]


def _units(embeddings: Embeddings) -> Embeddings:
    if not len(embeddings):
        raise KosbertError("no sentences to group")
    return unit(embeddings)


def _distinct(units: Embeddings) -> int:
    return len(np.unique(units.round(DIGITS), axis=0))


def _partings(units: Embeddings, numbers: Sequence[int], seed: int) -> Iterable[NDArray[np.int32]]:
    """Yield the labels of k-means for each number of groups: those of the best of all starts, by the sum of squares.

    Random starts miss the best parting of a few sentences whose themes are wide: of these, Ward's is one more start.
    """
    merged = cut_tree(ward(units), numbers).T if 1 < len(units) <= SAMPLE else [None] * len(numbers)
    for number, labels in zip(numbers, merged, strict=True):
        found = [KMeans(number, n_init=STARTS, random_state=seed).fit(units)]
        if labels is not None:
            means = np.stack([units[labels == group].mean(axis=0) for group in range(number)])
            found.append(KMeans(number, init=means, n_init=1).fit(units))
        yield min(found, key=lambda parting: parting.inertia_).labels_


def _best_number(units: Embeddings, seed: int) -> int:
    if len(units) > SAMPLE:
        units = units[np.random.default_rng(seed).choice(len(units), SAMPLE, replace=False)]
    most = min(int(2 * math.sqrt(len(units))), MOST_GROUPS, len(units) - 1, _distinct(units))
    if most < 2:  # noqa: PLR2004 - the fewest groups that have a silhouette
        return 1
    distances = pairwise_distances(units, metric="cosine")
    numbers = range(2, most + 1)
    partings = tqdm(_partings(units, numbers, seed), "Number of groups", len(numbers), disable=None)
    return 2 + int(np.argmax([silhouette_score(distances, labels, metric="precomputed") for labels in partings]))


def _by_label(labels: NDArray[np.int32]) -> Iterable[NDArray[np.intp]]:
    return (np.flatnonzero(labels == label) for label in np.unique(labels))


def _groups(units: Embeddings, members: Iterable[NDArray[np.intp]]) -> list[Group]:
    found = [Group(_central_first(units, np.sort(rows))) for rows in members]
    return sorted(found, key=lambda group: (-len(group.rows), min(group.rows)))


def _central_first(units: Embeddings, rows: NDArray[np.intp]) -> list[int]:
    closeness = (units[rows] @ units[rows].mean(axis=0)).round(DIGITS)
    return [int(row) for row in rows[np.argsort(-closeness, kind="stable")]]
