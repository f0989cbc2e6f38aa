"""Exact search in memory: what brute force finds, in the same order, whatever the corpus."""

import numpy as np
import pytest

import kosbert
from kosbert.apps import search
from kosbert.apps.search import Hit, SentenceIndex
from kosbert.errors import KosbertError


@pytest.fixture(scope="module")
def encoder(tiny):
    with kosbert.load(tiny) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def index(encoder, sentences):
    return SentenceIndex.from_sentences(sentences, encoder)


def brute_force(encoder, sentences, queries, top):
    """Rows and cosines in fp64, by the definition."""
    corpus, wanted = (encoder.encode(texts).astype(np.float64) for texts in (sentences, queries))
    corpus /= np.linalg.norm(corpus, axis=1, keepdims=True)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    cosines = np.array([[float(np.sum(one * other)) for other in corpus] for one in wanted])
    return [[(row, line[row]) for row in np.argsort(-line, kind="stable")[:top]] for line in cosines]


@pytest.mark.parametrize("top", [1, 5, 10_000])
def test_search_finds_what_brute_force_does(index, encoder, sentences, top):
    queries = ["한 남자가 기타를 친다.", sentences[7], "", "비"]
    for hits, expected in zip(
        index.search(queries, top=top), brute_force(encoder, sentences, queries, top), strict=True
    ):
        assert len(hits) == min(top, len(sentences))
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-6)
        assert [hit.text for hit in hits] == [sentences[hit.row] for hit in hits]
        if top <= 5:
            assert [hit.row for hit in hits] == [row for row, _ in expected]


def test_a_sentence_is_found_first_with_a_cosine_of_one(index, sentences):
    for hits, sentence in zip(index.search(sentences), sentences, strict=True):
        assert hits[0].text == sentence
        assert hits[0].score == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("top", [1, 3, 40, 90])
def test_equal_sentences_are_found_in_order_of_rows(encoder, sentences, top):
    corpus = [sentences[row % 2] for row in range(90)]
    (hits,) = SentenceIndex.from_sentences(corpus, encoder).search([sentences[0]], top=top)
    assert [hit.row for hit in hits] == [*range(0, 90, 2), *range(1, 90, 2)][:top]


@pytest.mark.parametrize("at_once", [1, 700])
def test_many_queries_are_searched_in_parts_with_the_same_result(index, sentences, monkeypatch, at_once):
    expected = index.search(sentences[:20], top=3)
    monkeypatch.setattr(search, "MAX_SCORES", at_once)
    found = index.search(sentences[:20], top=3)
    assert [[hit.row for hit in hits] for hits in found] == [[hit.row for hit in hits] for hits in expected]


def test_other_precisions_are_searched_in_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    corpus, queries = search.normalize(rng.normal(size=(100, 8))), search.normalize(rng.normal(size=(5, 8)))
    monkeypatch.setattr(search, "BLOCK_ROWS", 7)
    halves = [rows.tolist() for rows in search.exact_candidates(corpus.astype(np.float16), queries, 3)]
    for rows, line in zip(halves, queries @ corpus.T, strict=True):
        assert {*np.argsort(-line)[:3].tolist()} <= {*rows}


def test_a_sentence_is_encoded_once_however_often_it_is_there(encoder, sentences):
    class Counting:
        dimensions, asked = encoder.dimensions, 0

        def encode(self, texts):
            self.asked += len(texts)
            return encoder.encode(texts)

    counting = Counting()
    found = SentenceIndex.from_sentences([sentences[0]] * 1_000 + [sentences[1]], counting)
    assert (counting.asked, len(found)) == (2, 1_001)
    assert [hit.row for hit in found.search([sentences[1]], top=3)[0]] == [1_000, 0, 1]


def test_small_corpora(encoder):
    assert len(SentenceIndex.from_sentences([], encoder)) == 0
    assert SentenceIndex.from_sentences([], encoder).search(["눈"]) == [[]]
    one = SentenceIndex.from_sentences(["눈이 온다."], encoder)
    assert one.search([]) == []
    assert one.search(["눈이 온다."]) == [[Hit(0, "눈이 온다.", pytest.approx(1))]]


def test_what_makes_no_sense_is_refused(index):
    with pytest.raises(KosbertError, match=r"search\(\[query\]\)"):
        index.search("비")
    with pytest.raises(KosbertError, match="top is 0"):
        index.search(["비"], top=0)


@pytest.mark.parametrize(
    ("corpus", "line"),
    [
        ("비", "expected a list of texts, found a single text"),
        (["비", "비", 3], "text 3: expected a text, found 3"),
        (["비", None], "text 2: expected a text, found None"),
        (["비", "\ud83d"], r"text 2: expected a text, found '\\ud83d'"),
    ],
)
def test_a_corpus_that_is_no_texts_is_refused(encoder, corpus, line):
    with pytest.raises(KosbertError, match=line):
        SentenceIndex.from_sentences(corpus, encoder)


def test_zeros_stay_zeros():
    assert search.normalize(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]
