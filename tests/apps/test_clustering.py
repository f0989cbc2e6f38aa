"""Clusters of embeddings: the evident ones, in a fixed order, and of any set however small or alike."""

import subprocess
import sys

import numpy as np
import pytest

from kosbert.apps import clustering
from kosbert.apps.clustering import agglomerative, communities, embed, kmeans, project_2d, unclustered
from kosbert.errors import KosbertError


def bunches(*sizes, seed=0, dimensions=16):
    """Embeddings around as many directions as there are sizes, in mixed order, and the bunch of each."""
    generator = np.random.default_rng(seed)
    bunch = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
    embeddings = np.eye(dimensions)[bunch] + 0.05 * generator.normal(size=(len(bunch), dimensions))
    return embeddings.astype(np.float32), bunch


METHODS = {
    "kmeans": lambda embeddings: kmeans(embeddings, 3),
    "silhouette": kmeans,
    "agglomerative": lambda embeddings: agglomerative(embeddings, distance=0.5),
    "communities": lambda embeddings: communities(embeddings, similarity=0.7, smallest=2),
}


@pytest.mark.parametrize("method", METHODS)
def test_evident_clusters_are_found_largest_first_and_the_same_each_time(method):
    embeddings, bunch = bunches(4, 9, 6)
    clusters = METHODS[method](embeddings)
    assert [len(cluster.rows) for cluster in clusters] == [9, 6, 4]
    assert [set(bunch[cluster.rows]) for cluster in clusters] == [{1}, {2}, {0}]
    assert METHODS[method](embeddings * 3) == clusters


def test_the_first_row_of_a_cluster_is_nearest_to_its_mean():
    for cluster in kmeans(bunches(30)[0], 2):
        units = bunches(30)[0][cluster.rows]
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        closeness = units @ units.mean(axis=0)
        assert cluster.central == cluster.rows[0]
        assert closeness.argmax() == 0
        assert (np.diff(closeness) <= 1e-5).all()


@pytest.mark.parametrize("method", [method for method in METHODS if method != "kmeans"])  # three are refused, see below
def test_equal_embeddings_are_one_cluster_in_their_own_order(method):
    for count in (2, 3, 40):
        (cluster,) = METHODS[method](np.ones((count, 4), np.float32))
        assert cluster.rows == list(range(count))


def test_one_sentence_and_two_are_clusters_too():
    one, two = np.eye(4, dtype=np.float32)[:1], np.eye(4, dtype=np.float32)[:2]
    for method in (kmeans, lambda each: kmeans(each, len(each)), lambda each: agglomerative(each, distance=0.5)):
        assert [cluster.rows for cluster in method(one)] == [[0]]
        assert sorted(row for cluster in method(two) for row in cluster.rows) == [0, 1]
    assert [cluster.rows for cluster in kmeans(two, 2)] == [[0], [1]]


def test_as_many_clusters_as_distinct_sentences_and_no_more():
    embeddings = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    assert [cluster.rows for cluster in kmeans(embeddings, 3)] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(KosbertError, match="4 groups for only 3 distinct sentences; choose 1 to 3"):
        kmeans(embeddings, 4)


def test_what_is_like_nothing_is_in_no_community():
    embeddings, bunch = bunches(6, 5, 1)
    clusters = communities(embeddings, similarity=0.7, smallest=3)
    assert unclustered(clusters, 12) == np.flatnonzero(bunch == 2).tolist()
    assert unclustered([], 2) == [0, 1]
    assert communities(embeddings, similarity=0.7, smallest=20) == []


def test_more_than_can_be_merged_are_refused(monkeypatch):
    monkeypatch.setattr(clustering, "MAX_AGGLOMERATIVE", 5)
    with pytest.raises(KosbertError, match=r"6 sentences: .* the limit is 5; use communities"):
        agglomerative(bunches(6)[0], distance=0.5)


@pytest.mark.parametrize("method", [*METHODS.values(), project_2d])
def test_no_embeddings_are_refused(method):
    with pytest.raises(KosbertError, match="no sentences"):
        method(np.empty((0, 4), np.float32))


@pytest.mark.parametrize("count", [1, 2, 4, 5, 30])
def test_a_projection_has_coordinates_for_each_and_is_the_same_each_time(count):
    embeddings = bunches(count)[0]
    coordinates = project_2d(embeddings)
    assert coordinates.shape == (count, 2)
    assert coordinates.dtype == np.float32
    assert np.isfinite(coordinates).all()
    assert len(np.unique(coordinates, axis=0)) == count
    assert (project_2d(embeddings) == coordinates).all()


def test_a_projection_keeps_near_ones_near_and_equal_ones_equal():
    embeddings, bunch = bunches(10, 10)
    coordinates = project_2d(np.concatenate([embeddings, embeddings[:1]]))
    assert (coordinates[-1] == coordinates[0]).all()
    first, second = coordinates[:-1][bunch == 0], coordinates[:-1][bunch == 1]
    apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert apart > np.linalg.norm(first - first.mean(axis=0), axis=1).max()
    assert (project_2d(np.ones((9, 4), np.float32)) == 0).all()


def test_equal_sentences_are_encoded_once_and_keep_their_order(monkeypatch):
    encoded = []

    class Lengths:
        dimensions, fingerprint = 1, "lengths:here"

        def encode(self, texts):
            encoded.extend(texts)
            return np.array([[len(text)] for text in texts], np.float32)

    monkeypatch.setattr(clustering, "CHUNK", 2)
    sentences = ["눈", "비가", "눈", "해가 뜬다", "비가", "눈"]
    assert embed(Lengths(), sentences).ravel().tolist() == [len(sentence) for sentence in sentences]
    assert encoded == ["눈", "비가", "해가 뜬다"]


def test_kmeans_agglomerative_and_the_projection_need_no_torch():
    program = """
import sys
import numpy as np
from kosbert.apps import cluster_plot, cluster_table
from kosbert.apps.clustering import agglomerative, kmeans, project_2d
embeddings = np.eye(8, dtype=np.float32)
clusters = kmeans(embeddings, 3)
agglomerative(embeddings, distance=0.5), project_2d(embeddings)
cluster_table.render(clusters, list("abcdefgh"), range(8), form="csv")
print({"torch", "transformers", "sentence_transformers"} & {*sys.modules})
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
