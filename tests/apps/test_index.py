"""The index on disk: what it finds, that a kill costs one chunk, and that what is broken or foreign is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kosbert.apps import index
from kosbert.inference.pytorch import ModelEmbedder
from kosbert.apps.index import build, int8, open_index
from kosbert.apps.search import SentenceIndex, unit
from kosbert.encoder.model import load
from kosbert.errors import KosbertError


class Numbers:
    """An embedder of numbers: the vector of each is drawn around one of some centres."""

    fingerprint = "numbers"
    dimensions = 32

    def __init__(self, count):
        rng = np.random.default_rng(5)
        centres = rng.normal(size=(50, self.dimensions))
        self.vectors = (centres[rng.integers(50, size=count)] + rng.normal(size=(count, 32))).astype(np.float32)
        self.asked = 0

    def encode(self, texts):
        self.asked += len(texts)
        return self.vectors[[int(text) for text in texts]]


def rows(found):
    return [[hit.row for hit in hits] for hits in found]


@pytest.fixture(scope="module")
def embedder(tiny):
    return ModelEmbedder(load(tiny))


@pytest.fixture(scope="module")
def built(embedder, sentences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "here"
    build(sentences, embedder, folder)
    return folder


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_an_index_finds_what_exact_search_does_with_the_same_scores(built, embedder, sentences):
    queries = [*sentences[:20], "비가 온다.", ""]
    exact = SentenceIndex.from_sentences(sentences, embedder).search(queries, top=3)
    stored = open_index(built, embedder)
    assert len(stored) == len(sentences)
    for hits, expected in zip(stored.search(queries, top=3), exact, strict=True):
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-3)
        assert [hit.text for hit in hits] == [sentences[hit.row] for hit in hits]
    assert len(stored.search(queries[:1], top=10_000)[0]) == len(sentences)


def test_recall_against_exact_search_is_high(tmp_path):
    embedder = Numbers(2_200)
    corpus, queries = [*map(str, range(2_000))], [*map(str, range(2_000, 2_200))]
    exact = rows(SentenceIndex.from_sentences(corpus, embedder).search(queries, top=10))
    build(corpus, embedder, tmp_path / "index")
    found = rows(open_index(tmp_path / "index", embedder).search(queries, top=10))
    assert sum(len({*one} & {*other}) for one, other in zip(found, exact, strict=True)) / 2_000 > 0.98


def test_exact_stores_what_is_found_in_memory(embedder, sentences, tmp_path):
    build(sentences, embedder, tmp_path / "index", exact=True)
    assert not (tmp_path / "index" / index.GRAPH).exists()
    found = open_index(tmp_path / "index", embedder).search(sentences[:9])
    expected = SentenceIndex.from_sentences(sentences, embedder).search(sentences[:9])
    assert rows(found) == rows(expected)
    assert found[0][0].score == pytest.approx(expected[0][0].score, abs=1e-6)


def test_texts_come_back_as_they_were(tmp_path):
    class Any(Numbers):
        def encode(self, texts):
            return self.vectors[: len(texts)]

    texts = ["", "두\n줄", "tab\there", " 가장자리 ", "🙂 é", "끝\n"]
    build(texts, Any(9), tmp_path / "index")
    sentences = index.Sentences(tmp_path / "index")
    assert [*sentences] == texts
    assert sentences[-1] == "끝\n"
    assert sentences[1:3] == texts[1:3]


def test_int8_keeps_cosines():
    vectors = unit(np.random.default_rng(2).normal(size=(200, 384)).astype(np.float32))
    rounded = int8(vectors).astype(np.float32)
    assert ((unit(rounded) * vectors).sum(axis=1) > 0.999).all()


def test_a_build_goes_on_after_a_kill_and_gives_the_same_index(tmp_path):
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import os, signal, test_index as t
class Dying(t.Numbers):
    def encode(self, texts):
        if self.asked >= 300:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts)
t.index.CHUNK = 100
t.build(map(str, range(1_000)), Dying(1_000), t.index.Path({str(tmp_path / "killed")!r}), threads=1)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed").exists()
    embedder = Numbers(1_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "CHUNK", 100)
        build(map(str, range(1_000)), embedder, tmp_path / "killed", threads=1)
        assert embedder.asked == 700
        build(map(str, range(1_000)), embedder, tmp_path / "undisturbed", threads=1)
    for file in (tmp_path / "undisturbed").iterdir():
        assert file.read_bytes() == (tmp_path / "killed" / file.name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "undisturbed"]


def test_what_changed_in_the_corpus_is_encoded_anew(tmp_path, monkeypatch):
    class Tired(Numbers):
        def encode(self, texts):
            if self.asked >= 20:
                raise KosbertError("tired")
            return super().encode(texts)

    monkeypatch.setattr(index, "CHUNK", 10)
    with pytest.raises(KosbertError, match="tired"):
        build(map(str, range(40)), Tired(60), tmp_path / "index")
    embedder = Numbers(60)
    build(map(str, [*range(10), *range(50, 60), *range(20, 40)]), embedder, tmp_path / "index", exact=True)
    assert embedder.asked == 40  # all, since --exact keeps another precision
    assert [*index.Sentences(tmp_path / "index")][10] == "50"


def test_no_texts_leave_nothing(embedder, tmp_path):
    with pytest.raises(KosbertError, match="no texts"):
        build([], embedder, tmp_path / "index")
    assert [*tmp_path.iterdir()] == []


def test_two_builds_of_one_folder_do_not_mix(tmp_path):
    class Twice(Numbers):
        def encode(self, texts):
            with pytest.raises(KosbertError, match="here: another run is writing it"):
                build(map(str, range(20)), Numbers(20), tmp_path / "here")
            return super().encode(texts)

    build(map(str, range(10)), Twice(10), tmp_path / "here")
    assert [*index.Sentences(tmp_path / "here")] == [*map(str, range(10))]


def test_a_folder_that_is_there_is_kept(built, embedder):
    with pytest.raises(KosbertError, match="exists; search in it"):
        build(["눈"], embedder, built)


def refused(folder, embedder):
    with pytest.raises(KosbertError) as error:
        open_index(folder, embedder)
    assert "\n" not in error.value.message
    assert str(folder) in error.value.message
    return error.value.message


def test_an_index_of_another_model_is_refused_and_both_named(built, embedder):
    message = refused(built, Numbers(1))
    assert "another model" in message
    assert embedder.fingerprint[:12] in message
    assert Numbers.fingerprint in message


@pytest.mark.parametrize("name", [index.SENTENCES, index.OFFSETS, index.EMBEDDINGS, index.GRAPH])
@pytest.mark.parametrize("left", [None, 0, 50, -1])
def test_a_truncated_or_absent_file_is_one_line(copy, embedder, name, left):
    if left is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes((copy / name).read_bytes()[:left])
    assert f"a broken index: {name} " in refused(copy, embedder)


@pytest.mark.parametrize("name", [index.SENTENCES, index.OFFSETS, index.EMBEDDINGS, index.GRAPH])
@pytest.mark.parametrize("at", [0, 200, -1])
def test_a_byte_that_is_another_is_one_line(copy, embedder, name, at):
    # Of the graph, it would end the process; elsewhere, most would only change what is found.
    data = bytearray((copy / name).read_bytes())
    data[at] ^= 1
    (copy / name).write_bytes(data)
    assert f"a broken index: {name} is not as it was written" in refused(copy, embedder)


def test_a_chunk_that_was_damaged_is_encoded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "CHUNK", 10)
    monkeypatch.setattr(index, "_join", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(map(str, range(40)), Numbers(40), tmp_path / "index", exact=True)
    monkeypatch.undo()
    monkeypatch.setattr(index, "CHUNK", 10)
    first, second, *_ = sorted((tmp_path / ".index.building").glob("*.npy"))
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    embedder = Numbers(40)
    build(map(str, range(40)), embedder, tmp_path / "index", exact=True)
    assert embedder.asked == 20


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 100_000, '{"format": 2}', '{"format": 2, "sha256": 3}'])
def test_a_broken_description_is_one_line(copy, embedder, text):
    (copy / index.ABOUT).write_text(text)
    assert "a broken index: about.json" in refused(copy, embedder)


def test_another_format_is_refused(copy, embedder):
    about = json.loads((copy / index.ABOUT).read_text())
    (copy / index.ABOUT).write_text(json.dumps(about | {"format": 1}))
    assert "an index of another format; this version reads format 2" in refused(copy, embedder)


def test_what_is_no_index_is_refused(tmp_path, embedder):
    assert "no index" in refused(tmp_path, embedder)


def test_without_usearch_the_extra_is_named(embedder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(KosbertError, match=r"kosbert\[index\]"):
        build(["눈"], embedder, tmp_path / "index")
    assert [*tmp_path.iterdir()] == []
