"""Corpora that repeat texts, or texts of equal vectors, in any pattern: an index finds what exact search does."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosbert.apps import index
from kosbert.apps.hnsw import EXPANSIONS
from kosbert.apps.search import SentenceIndex, normalize

LIKE = 4  # texts that share a vector, or nearly so


class Likes:
    """An encoder of numbers: 0 to 3 have one vector, or one that differs from it by less than int8 shows; and so on."""

    fingerprint, dimensions, max_length = "likes", 24, None

    def __init__(self, count, seed=0):
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(-(-count // LIKE), self.dimensions)).repeat(LIKE, axis=0)[:count]
        vectors[::LIKE] *= 1 + 0.002 * rng.normal(size=vectors[::LIKE].shape)
        self.vectors = vectors.astype(np.float32)

    def encode(self, texts):
        return self.vectors[[int(text) for text in texts]]

    def count_truncated(self, _):
        return 0


def by_definition(encoder, corpus, query, top):
    """Rows and cosines of all rows, one by one."""
    vectors = normalize(encoder.encode([*corpus, query])).astype(np.float64)
    cosines = (vectors[:-1] * vectors[-1]).sum(axis=1)
    order = np.lexsort((np.arange(len(corpus)), -cosines.round(12)))[:top]
    return order.tolist(), cosines[order].tolist()


def rows_and_scores(hits):
    return [hit.row for hit in hits], [hit.score for hit in hits]


counts = st.lists(st.tuples(st.integers(0, 399), st.sampled_from([1, 1, 1, 2, 3, 40])), min_size=1, max_size=200)


@st.composite
def corpora(draw):
    """Draw texts, each as often as it may be, in any order."""
    corpus = [str(number) for number, times in draw(counts) for _ in range(times)]
    np.random.default_rng(draw(st.integers(0, 99))).shuffle(corpus)
    return corpus


@given(corpus=corpora(), queries=st.lists(st.integers(0, 399).map(str), min_size=1, max_size=3), top=st.integers(1, 60))
def test_in_memory_all_rows_are_found_as_by_the_definition(corpus, queries, top):
    encoder = Likes(400)
    found = SentenceIndex.from_sentences(corpus, encoder)
    assert len(found) == len(corpus)
    for hits, query in zip(found.search(queries, top=top), queries, strict=True):
        rows, scores = by_definition(encoder, corpus, query, top)
        assert [hit.row for hit in hits] == rows
        assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-12)
        assert [hit.text for hit in hits] == [corpus[row] for row in rows]


def searched(encoder, corpus, queries, top, folder):
    """Search without a graph and with one, in the same stored embeddings."""
    found = []
    for bound in (len(corpus), 0):
        shutil.rmtree(folder, ignore_errors=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index, "MAX_WITHOUT_GRAPH", bound)
            built = index.build(iter(corpus), encoder, folder, threads=1)
        assert (built.rows, built.texts) == (len(corpus), len({*corpus}))
        found.append(index.open_index(folder, encoder).search(queries, top=top))
    return found


@given(corpus=corpora(), queries=st.lists(st.integers(0, 399).map(str), min_size=1, max_size=3), top=st.integers(1, 30))
def test_a_graph_finds_the_rows_and_scores_of_exact_search(tmp_path, corpus, queries, top):
    for expected, hits in zip(*searched(Likes(400), corpus, queries, top, tmp_path / "index"), strict=True):
        assert rows_and_scores(hits) == rows_and_scores(expected)
        assert [hit.text for hit in hits] == [corpus[hit.row] for hit in hits]


def test_of_many_texts_with_a_few_vectors_the_nearest_are_found(tmp_path):
    encoder = Likes(8_100)
    noise = 0.001 * np.random.default_rng(9).normal(size=encoder.vectors.shape)
    encoder.vectors = (encoder.vectors[[0, 4, 8]].repeat(2_700, axis=0) + noise).astype(np.float32)
    queries = [*map(str, range(0, 8_100, 80))]
    corpus = [text for text in map(str, range(8_100)) if text not in queries]
    exact, found = searched(encoder, corpus, queries, 10, tmp_path / "index")
    assert index.describe(tmp_path / "index")["expansion"] == EXPANSIONS[0]
    both = [{*rows_and_scores(one)[0]} & {*rows_and_scores(other)[0]} for one, other in zip(found, exact, strict=True)]
    assert sum(map(len, both)) >= 0.99 * 10 * len(queries)


ALIKE = {"one text": ["0"] * 20_000, "texts of one vector": [str(number) for number in range(20_000)]}


@pytest.mark.parametrize("bound", [0, index.MAX_WITHOUT_GRAPH])
@pytest.mark.parametrize("alike", ALIKE)
def test_a_sentence_that_fills_a_corpus_hides_no_other(tmp_path, monkeypatch, alike, bound):
    class Filled(Likes):
        def __init__(self):
            vectors = np.random.default_rng(3).normal(size=(251, self.dimensions)).astype(np.float32)
            self.vectors = np.concatenate([vectors[:1].repeat(20_000, axis=0), vectors[1:]])

    monkeypatch.setattr(index, "MAX_WITHOUT_GRAPH", bound)
    others = [str(number) for number in range(20_000, 20_250)]
    corpus = [*ALIKE[alike], *others]
    built = index.build(corpus, Filled(), tmp_path / "index")
    found = index.open_index(tmp_path / "index", Filled())
    assert [hits[0].text for hits in found.search(others, top=1)] == others
    assert [hit.row for hit in found.search(["5"], top=30)[0]] == [*range(30)]
    assert (built.rows, built.recall) == (20_250, 1)
