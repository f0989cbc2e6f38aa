"""Clusters of sentences alike in meaning, by their embeddings; and coordinates on a plane, to look at them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, ward
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import pairwise_distances, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from kosbert.apps.search import normalize
from kosbert.errors import KosbertError
from kosbert.inference.encoder import Embeddings, Encoder

CHUNK = 2_048  # sentences encoded between two updates of the progress bar
N_INIT = 4  # random starts of k-means; the best result counts, Ward's start included
MAX_CLUSTERS = 50  # the largest number that is tried where none is given
SAMPLE = 1_000  # sentences on which the number of clusters is chosen, and the most that Ward's method takes
MAX_AGGLOMERATIVE = 20_000  # sentences; their n²/2 distances of 8 bytes take 1.6 GB
MAX_SIMILARITIES = 1 << 26  # similarities that community detection holds at once: 256 MB
PERPLEXITY = 30.0  # of t-SNE: about how many neighbours each sentence is to stay near
MIN_TSNE = 5  # distinct sentences that t-SNE needs
DECIMALS = 6  # to which embeddings are compared: those of the same sentence differ in float32's last digit


@dataclass(frozen=True)
class Cluster:
    """Sentences that belong together."""

    rows: list[int]  # rows of the embeddings, the most central first: by the cosine to the cluster's mean

    @property
    def central(self) -> int:
        """Return the row of the sentence that best represents the cluster."""
        return self.rows[0]


def embed(encoder: Encoder, sentences: Sequence[str]) -> Embeddings:
    """Encode sentences with a progress bar; equal sentences have embeddings that are equal to the last digit."""
    distinct = [*dict.fromkeys(sentences)]
    row = {sentence: number for number, sentence in enumerate(distinct)}
    parts = []
    with tqdm(total=len(distinct), desc="Sentences", unit="", disable=None) as bar:
        for start in range(0, len(distinct), CHUNK):
            parts.append(encoder.encode(distinct[start : start + CHUNK]))
            bar.update(len(parts[-1]))
    return np.concatenate(parts)[[row[sentence] for sentence in sentences]]


def kmeans(embeddings: Embeddings, groups: int | None = None, *, seed: int = 42) -> list[Cluster]:
    """Divide embeddings into a given number of clusters, each embedding in the one with the nearest mean.

    Args:
        embeddings: the embeddings [sentences, dimensions]; their lengths do not matter.
        groups: the number of clusters. If None, the number from 2 to twice the square root of the sentences' number (at
            most `MAX_CLUSTERS`) with the best silhouette (Rousseeuw, 1987, Silhouettes), or 1 for too few sentences.
        seed: the seed of the random starts.

    Returns:
        The clusters, the largest first.

    Raises:
        KosbertError: there are no embeddings, or fewer distinct ones than clusters.
    """
    units = _normalized(embeddings)
    distinct = _count_distinct(units)
    if groups is None:
        groups = _best_number(units, seed)
    if not 1 <= groups <= distinct:
        raise KosbertError(f"{groups} groups for only {distinct:,} distinct sentences; choose 1 to {distinct:,}")
    (labels,) = _kmeans_labels(units, [groups], seed)
    return _clusters(units, _rows_by_label(labels))


def agglomerative(embeddings: Embeddings, *, distance: float) -> list[Cluster]:
    """Merge the two nearest clusters until all are further apart than `distance`, starting from single sentences.

    Args:
        embeddings: the embeddings [sentences, dimensions], at most `MAX_AGGLOMERATIVE`.
        distance: the largest distance to merge at: 1 − cosine, averaged over the pairs of two clusters.

    Returns:
        The clusters, the largest first.

    Raises:
        KosbertError: there are no embeddings, or too many, or `distance` is not between 0 and 2.
    """
    if not 0 < distance <= 2:  # noqa: PLR2004 - the distance of opposites
        raise KosbertError(f"distance is {distance}; expected more than 0 and at most 2")
    units = _normalized(embeddings)
    check_size(len(units))
    if len(units) == 1:
        return [Cluster([0])]
    model = AgglomerativeClustering(None, metric="cosine", linkage="average", distance_threshold=distance)
    return _clusters(units, _rows_by_label(model.fit_predict(units)))


def check_size(sentences: int) -> None:
    """Refuse more sentences than agglomerative clustering can hold in memory.

    Raises:
        KosbertError: there are more than `MAX_AGGLOMERATIVE`.
    """
    if sentences > MAX_AGGLOMERATIVE:
        raise KosbertError(
            f"{sentences:,} sentences: agglomerative clustering keeps all pairwise distances in memory; "
            f"the limit is {MAX_AGGLOMERATIVE:,}; use communities"
        )


def communities(embeddings: Embeddings, *, similarity: float, smallest: int) -> list[Cluster]:
    """Find clusters around a central sentence that all others are similar to. Not every sentence is in one.

    It suits large sets: it keeps no similarity below the threshold.

    Args:
        embeddings: the embeddings [sentences, dimensions].
        similarity: the least cosine to the central sentence.
        smallest: the least number of sentences in a cluster.

    Returns:
        The clusters, the largest first; `unclustered` gives the sentences in none.

    Raises:
        KosbertError: there are no embeddings, or `similarity` is no cosine.
    """
    if not -1 <= similarity <= 1:
        raise KosbertError(f"similarity is {similarity}; expected a cosine, from -1 to 1")
    from sentence_transformers.util import community_detection  # noqa: PLC0415 - imports torch

    units = _normalized(embeddings)
    found = community_detection(
        units,
        threshold=similarity - 10.0**-DECIMALS,
        min_community_size=smallest,
        batch_size=min(1_024, max(1, MAX_SIMILARITIES // len(units))),
    )
    return _clusters(units, map(np.array, found))


def unclustered(clusters: list[Cluster], sentences: int) -> list[int]:
    """Return the rows that are in no cluster.

    Args:
        clusters: the clusters.
        sentences: the number of all sentences.
    """
    clustered = {row for cluster in clusters for row in cluster.rows}
    return [row for row in range(sentences) if row not in clustered]


def project_2d(embeddings: Embeddings, *, seed: int = 42) -> NDArray[np.float32]:
    """Project embeddings onto a plane, with t-SNE (van der Maaten and Hinton, 2008), or with PCA if there are few.

    Args:
        embeddings: the embeddings [sentences, dimensions].
        seed: the seed of t-SNE.

    Returns:
        The coordinates [sentences, 2]; equal embeddings have equal ones.

    Raises:
        KosbertError: there are no embeddings.
    """
    distinct, rows = np.unique(_normalized(embeddings).round(DECIMALS), axis=0, return_inverse=True)
    if len(distinct) < MIN_TSNE:
        left, lengths, _ = np.linalg.svd(distinct - distinct.mean(axis=0), full_matrices=False)
        coordinates = np.zeros((len(distinct), 2), np.float32)
        axes = min(2, len(lengths))
        coordinates[:, :axes] = left[:, :axes] * lengths[:axes]
    else:
        from sklearn.manifold import TSNE  # noqa: PLC0415 - only pictures need it

        perplexity = min(PERPLEXITY, (len(distinct) - 1) / 3)
        with threadpool_limits(1):  # several threads add in any order, and t-SNE amplifies the last digit
            coordinates = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(distinct)
    return np.asarray(coordinates, np.float32)[rows]


def _normalized(embeddings: Embeddings) -> Embeddings:
    if not len(embeddings):
        raise KosbertError("no sentences to cluster")
    return normalize(embeddings)


def _count_distinct(units: Embeddings) -> int:
    return len(np.unique(units.round(DECIMALS), axis=0))


def _kmeans_labels(units: Embeddings, numbers: Sequence[int], seed: int) -> Iterator[NDArray[np.int32]]:
    """Yield the labels of k-means for each number of clusters, from the start with the least sum of squares.

    With few sentences on broad themes, random starts miss the best clusters; so Ward's clusters are one more start.
    """
    merged = cut_tree(ward(units), numbers).T if 1 < len(units) <= SAMPLE else [None] * len(numbers)
    for number, labels in zip(numbers, merged, strict=True):
        models = [KMeans(number, n_init=N_INIT, random_state=seed).fit(units)]
        if labels is not None:
            means = np.stack([units[labels == label].mean(axis=0) for label in range(number)])
            models.append(KMeans(number, init=means, n_init=1).fit(units))
        yield min(models, key=lambda model: model.inertia_).labels_


def _best_number(units: Embeddings, seed: int) -> int:
    if len(units) > SAMPLE:
        units = units[np.random.default_rng(seed).choice(len(units), SAMPLE, replace=False)]
    largest = min(int(2 * math.sqrt(len(units))), MAX_CLUSTERS, len(units) - 1, _count_distinct(units))
    if largest < 2:  # noqa: PLR2004 - a silhouette needs two clusters
        return 1
    distances = pairwise_distances(units, metric="cosine")
    numbers = range(2, largest + 1)
    labels = tqdm(_kmeans_labels(units, numbers, seed), "Number of groups", len(numbers), disable=None)
    return 2 + int(np.argmax([silhouette_score(distances, each, metric="precomputed") for each in labels]))


def _rows_by_label(labels: NDArray[np.int32]) -> Iterator[NDArray[np.intp]]:
    return (np.flatnonzero(labels == label) for label in np.unique(labels))


def _clusters(units: Embeddings, members: Iterable[NDArray[np.intp]]) -> list[Cluster]:
    clusters = [Cluster(_central_first(units, np.sort(rows))) for rows in members]
    return sorted(clusters, key=lambda cluster: (-len(cluster.rows), min(cluster.rows)))


def _central_first(units: Embeddings, rows: NDArray[np.intp]) -> list[int]:
    closeness = (units[rows] @ units[rows].mean(axis=0)).round(DECIMALS)
    order: list[int] = rows[np.argsort(-closeness, kind="stable")].tolist()
    return order
