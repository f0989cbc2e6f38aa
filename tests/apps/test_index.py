"""The index on disk: what it finds, that a kill costs one part, and that what is broken or foreign is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kosbert
from kosbert.apps import hnsw, index
from kosbert.apps.hnsw import GRAPH, GRAPH_FILES, int8
from kosbert.apps.index import FILES, Built, build, describe, open_index
from kosbert.apps.search import SentenceIndex, normalize
from kosbert.errors import KosbertError


class Numbers:
    """An encoder of numbers: the vector of each is drawn around one of some centres. It can be stopped."""

    dimensions, max_length = 32, None

    def __init__(self, count, fingerprint="numbers:fp32", stopped_at=None):
        self.fingerprint, self.stopped_at = fingerprint, stopped_at
        rng = np.random.default_rng(5)
        centres = rng.normal(size=(50, self.dimensions))
        self.vectors = (centres[rng.integers(50, size=count)] + rng.normal(size=(count, self.dimensions))).astype(
            np.float32
        )
        self.asked = 0

    def encode(self, texts):
        if self.asked == self.stopped_at:
            raise KosbertError("stopped")
        self.asked += len(texts)
        return self.vectors[[int(text) for text in texts]]

    def count_truncated(self, _):
        return 0


def rows(found):
    return [[hit.row for hit in hits] for hits in found]


@pytest.fixture(scope="module")
def encoder(tiny):
    with kosbert.load(tiny) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def built(encoder, sentences, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "here"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MAX_WITHOUT_GRAPH", 0)
        build(sentences, encoder, folder)
    return folder


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """Graphs also of these small corpora."""
    monkeypatch.setattr(index, "MAX_WITHOUT_GRAPH", 0)


@pytest.fixture
def copy(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy")


def test_an_index_finds_what_exact_search_does_with_the_same_scores(built, encoder, sentences):
    queries = [*sentences[:20], "비가 온다.", ""]
    exact = SentenceIndex.from_sentences(sentences, encoder).search(queries, top=3)
    stored = open_index(built, encoder)
    assert len(stored) == len(sentences)
    for hits, expected in zip(stored.search(queries, top=3), exact, strict=True):
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-3)
        assert [hit.text for hit in hits] == [sentences[hit.row] for hit in hits]
    assert len(stored.search(queries[:1], top=10_000)[0]) == len(sentences)


def test_recall_against_exact_search_is_high(tmp_path):
    encoder = Numbers(2_200)
    corpus, queries = [*map(str, range(2_000))], [*map(str, range(2_000, 2_200))]
    exact = rows(SentenceIndex.from_sentences(corpus, encoder).search(queries, top=10))
    build(corpus, encoder, tmp_path / "index")
    found = rows(open_index(tmp_path / "index", encoder).search(queries, top=10))
    assert sum(len({*one} & {*other}) for one, other in zip(found, exact, strict=True)) / 2_000 > 0.98


def test_exact_stores_what_is_found_in_memory(encoder, sentences, tmp_path):
    build(sentences, encoder, tmp_path / "index", exact=True)
    assert not (tmp_path / "index" / GRAPH).exists()
    found = open_index(tmp_path / "index", encoder).search(sentences[:9])
    expected = SentenceIndex.from_sentences(sentences, encoder).search(sentences[:9])
    assert rows(found) == rows(expected)
    assert found[0][0].score == pytest.approx(expected[0][0].score, abs=1e-6)


def test_a_small_corpus_is_searched_exactly_and_needs_no_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "MAX_WITHOUT_GRAPH", 300)
    encoder = Numbers(301)
    assert build(numbers(range(300)), encoder, tmp_path / "small") == Built(300, 300, 0, 1.0, None)
    assert not (tmp_path / "small" / GRAPH).exists()
    exact = SentenceIndex.from_sentences(numbers(range(300)), encoder).search(["300"], top=20)
    assert rows(open_index(tmp_path / "small", encoder).search(["300"], top=20)) == rows(exact)
    build(numbers(range(301)), encoder, tmp_path / "large")
    assert (tmp_path / "large" / GRAPH).exists()


def test_a_build_searches_more_thoroughly_where_the_graph_finds_too_little(tmp_path, monkeypatch):
    class Random(Numbers):
        dimensions = 128

    monkeypatch.setattr(hnsw, "RESCORE_MULTIPLIER", 4)  # so that few candidates are kept if told
    encoder, corpus = Random(5_000), numbers(range(5_000))
    encoder.vectors = np.random.default_rng(1).normal(size=(5_000, 128)).astype(np.float32)

    def built(*expansions):
        monkeypatch.setattr(hnsw, "EXPANSIONS", expansions)
        monkeypatch.setattr(index, "EXPANSIONS", expansions)
        folder = tmp_path / "index"
        shutil.rmtree(folder, ignore_errors=True)
        found = build(corpus, encoder, folder, threads=1)
        assert describe(folder)["expansion"] == found.expansion
        assert rows(open_index(folder, encoder).search(["7"], top=1)) == [[7]]
        return found

    assert built(1).recall < 0.99
    enough = built(1, 500, hnsw.ALL)
    assert enough.expansion == 500
    assert enough.recall >= 0.99
    compared = built(1, hnsw.ALL)
    assert (compared.expansion, compared.recall) == (hnsw.ALL, 1)


@pytest.mark.parametrize("seed", range(3))
def test_many_threads_lose_no_sentence(tmp_path, seed):
    encoder, corpus = Numbers(1_000), numbers(range(1_000))
    encoder.vectors = np.random.default_rng(seed).normal(size=(1_000, 32)).astype(np.float32)
    build(corpus, encoder, tmp_path / "index", threads=16)
    assert rows(open_index(tmp_path / "index", encoder).search(corpus, top=1)) == [[row] for row in range(1_000)]


def test_a_sentence_that_is_added_to_the_graph_again_is_found_once(tmp_path, monkeypatch):
    monkeypatch.setattr(hnsw, "_lost", lambda _, keys, *__: keys[:50])
    build(numbers(range(400)), Numbers(400), tmp_path / "index")
    (found,) = rows(open_index(tmp_path / "index", Numbers(400)).search(["7"], top=99))
    assert len({*found}) == 99


def test_a_sorted_corpus_of_like_sentences_hides_none(tmp_path):
    encoder, corpus = Numbers(4_000), numbers(range(4_000))
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(40, 32)).repeat(100, axis=0)
    encoder.vectors = (centres + 0.03 * rng.normal(size=(4_000, 32))).astype(np.float32)
    built = build(corpus, encoder, tmp_path / "index")
    assert (built.recall, built.expansion) == (pytest.approx(1, abs=0.01), 960)


def test_what_was_built_is_told_and_kept(tmp_path):
    class Short(Numbers):
        def count_truncated(self, texts):
            return sum(len(text) > 1 for text in texts)

    texts = [*numbers(range(12)), "3", "10", "10"]
    assert build(texts, Short(20), tmp_path / "index", exact=True, max_length=8) == Built(15, 12, 2, None, None)
    about = describe(tmp_path / "index")
    assert (about["rows"], about["texts"], about["max_length"]) == (15, 12, 8)
    assert len(open_index(tmp_path / "index", Short(20))) == 15
    build(texts, Short(20), tmp_path / "unlimited")
    assert describe(tmp_path / "unlimited")["max_length"] is None


@pytest.mark.parametrize("wrong", [3, None, b"1", "\ud83d"])
def test_what_is_no_text_is_one_line_that_names_its_row(tmp_path, wrong):
    with pytest.raises(KosbertError, match=r"^text 4: expected a text, found "):
        build(["1", "1", "2", wrong], Numbers(9), tmp_path / "index")
    assert not (tmp_path / "index").exists()


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
    vectors = normalize(np.random.default_rng(2).normal(size=(200, 384)).astype(np.float32))
    rounded = int8(vectors).astype(np.float32)
    assert ((normalize(rounded) * vectors).sum(axis=1) > 0.999).all()


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(index, "PART_ROWS", 10)


def numbers(*ranges):
    return [str(number) for each in ranges for number in each]


def stopped(folder, encoder, count=40, **options):
    """Build an index until the encoder stops, and return the working folder."""
    with pytest.raises(KosbertError, match="stopped"):
        build(numbers(range(count)), encoder, folder, **options)
    assert not folder.exists()
    return folder.with_name(f".{folder.name}.building")


def stored(folder):
    return np.load(folder / index.EMBEDDINGS)


def test_a_build_resumes_after_a_kill_and_gives_the_same_index(tmp_path):
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import os, signal, test_index as t
class Dying(t.Numbers):
    def encode(self, texts):
        if self.asked >= 300:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts)
t.index.PART_ROWS, t.index.MAX_WITHOUT_GRAPH = 100, 0
t.build(map(str, range(1_000)), Dying(1_000), t.index.Path({str(tmp_path / "killed")!r}), threads=1)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed").exists()
    encoder = Numbers(1_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "PART_ROWS", 100)
        build(map(str, range(1_000)), encoder, tmp_path / "killed", threads=1)
        assert encoder.asked == 700
        build(map(str, range(1_000)), encoder, tmp_path / "undisturbed", threads=1)
    for file in (tmp_path / "undisturbed").iterdir():
        assert file.read_bytes() == (tmp_path / "killed" / file.name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "undisturbed"]


@pytest.mark.usefixtures("small_parts")
def test_from_what_changed_in_the_corpus_on_it_is_encoded_anew(tmp_path):
    stopped(tmp_path / "index", Numbers(60, stopped_at=30))
    encoder, corpus = Numbers(60), numbers(range(10), range(50, 60), range(20, 40))
    build(corpus, encoder, tmp_path / "index")
    assert encoder.asked == 30
    assert [*index.Sentences(tmp_path / "index")] == corpus
    np.testing.assert_array_equal(stored(tmp_path / "index"), normalize(encoder.encode(corpus)).astype(np.float16))


@pytest.mark.usefixtures("small_parts")
def test_a_corpus_that_became_shorter_leaves_nothing_of_the_longer_one(tmp_path):
    stopped(tmp_path / "index", Numbers(40, stopped_at=30))
    encoder = Numbers(40)
    build(numbers(range(20)), encoder, tmp_path / "index", threads=1)
    assert encoder.asked == 0
    build(numbers(range(20)), encoder, tmp_path / "undisturbed", threads=1)
    for file in (tmp_path / "undisturbed").iterdir():
        assert file.read_bytes() == (tmp_path / "index" / file.name).read_bytes()


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("fingerprint", ["other:fp32", "numbers:bf16", "numbers:fp32-pool2"])
def test_parts_of_another_encoder_are_never_mixed_in(tmp_path, capfd, fingerprint):
    class Negative(Numbers):
        def encode(self, texts):
            return -super().encode(texts)

    work_dir = stopped(tmp_path / "index", Numbers(40, stopped_at=30))
    encoder = Negative(40, fingerprint)
    build(numbers(range(40)), encoder, tmp_path / "index")
    assert encoder.asked == 40
    said = f"{work_dir / 'index' / index.EMBEDDINGS}: the parts of an earlier run are valid up to row 0"
    assert said in capfd.readouterr().err
    expected = normalize(encoder.encode(numbers(range(40)))).astype(np.float16)
    np.testing.assert_array_equal(stored(tmp_path / "index"), expected)


@pytest.mark.usefixtures("small_parts")
def test_parts_in_another_precision_are_encoded_anew(tmp_path):
    stopped(tmp_path / "index", Numbers(40, stopped_at=30))
    encoder = Numbers(40)
    build(numbers(range(40)), encoder, tmp_path / "index", exact=True)
    assert encoder.asked == 40
    np.testing.assert_array_equal(stored(tmp_path / "index"), normalize(encoder.encode(numbers(range(40)))))


def test_a_kill_while_the_graph_is_built_costs_no_encoding_and_embeddings_lie_on_disk_once(tmp_path, monkeypatch):
    def killed(_, folder, *__):
        (folder / GRAPH).write_bytes(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index, "build_graph", killed)
        with pytest.raises(KeyboardInterrupt):
            build(numbers(range(400)), Numbers(400), tmp_path / "index")
    shutil.copytree(tmp_path / ".index.building", tmp_path / ".exact.building")
    build(numbers(range(400)), Numbers(400), tmp_path / "exact", exact=True)
    assert not (tmp_path / "exact" / GRAPH).exists()
    files = [path for path in (tmp_path / ".index.building").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size >= 400 * 32 * 2 for path in files) == 1
    encoder = Numbers(400)
    build(numbers(range(400)), encoder, tmp_path / "index")
    assert encoder.asked == 0
    assert rows(open_index(tmp_path / "index", encoder).search(["7"], top=1)) == [[7]]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("exact", [False, True])
def test_a_build_with_repeats_resumes_to_the_same_index(tmp_path, exact):
    corpus = numbers(range(20), range(5), range(15, 40), [39] * 30)
    with pytest.raises(KosbertError, match="stopped"):
        build(corpus, Numbers(40, stopped_at=20), tmp_path / "index", exact=not exact, threads=1)
    with pytest.raises(KosbertError, match="stopped"):
        build(corpus, Numbers(40, stopped_at=20), tmp_path / "index", exact=exact, threads=1)
    encoder = Numbers(40)
    build(iter(corpus), encoder, tmp_path / "index", exact=exact, threads=1)
    assert encoder.asked == 20
    build(corpus, Numbers(40), tmp_path / "undisturbed", exact=exact, threads=1)
    assert sorted(file.name for file in (tmp_path / "index").iterdir()) == sorted(
        file.name for file in (tmp_path / "undisturbed").iterdir()
    )
    for file in (tmp_path / "undisturbed").iterdir():
        assert file.read_bytes() == (tmp_path / "index" / file.name).read_bytes()
    assert [*index.Sentences(tmp_path / "index")] == numbers(range(40))


def test_when_the_disk_is_full_the_file_is_named_and_what_was_encoded_is_kept(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("400 requested and 20 written")  # all that NumPy says

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(KosbertError, match=r"offsets\.npy: could not be written .* is the disk full\?"):
            build(numbers(range(40)), Numbers(40), tmp_path / "index")
    encoder = Numbers(40)
    build(numbers(range(40)), encoder, tmp_path / "index")
    assert encoder.asked == 0


def test_no_texts_leave_nothing(encoder, tmp_path):
    with pytest.raises(KosbertError, match="no texts"):
        build([], encoder, tmp_path / "index")
    assert [*tmp_path.iterdir()] == []


def test_two_builds_of_one_folder_do_not_mix(tmp_path):
    class Twice(Numbers):
        def encode(self, texts):
            with pytest.raises(KosbertError, match="here: another process is writing it"):
                build(map(str, range(20)), Numbers(20), tmp_path / "here")
            return super().encode(texts)

    build(map(str, range(10)), Twice(10), tmp_path / "here")
    assert [*index.Sentences(tmp_path / "here")] == [*map(str, range(10))]


def test_a_folder_that_is_there_is_kept(built, encoder):
    with pytest.raises(KosbertError, match="already exists; search it"):
        build(["눈"], encoder, built)


def refused(folder, encoder):
    with pytest.raises(KosbertError) as error:
        open_index(folder, encoder)
    assert "\n" not in error.value.message
    assert str(folder) in error.value.message
    return error.value.message


def test_an_index_of_another_model_is_refused_and_both_named(built, encoder):
    message = refused(built, Numbers(1, "numbers"))
    assert "another model" in message
    assert encoder.fingerprint[:12] in message
    assert "numbers" in message


@pytest.mark.parametrize("built_with", ["numbers", "numbers:fp32"])
@pytest.mark.parametrize("opened_with", ["numbers", "numbers:bf16", "numbers:openvino-fp32-cpu"])
def test_an_index_opens_with_the_same_model_in_another_precision_or_engine(tmp_path, built_with, opened_with):
    build(numbers(range(20)), Numbers(20, built_with), tmp_path / "index")  # "numbers" as older versions had it
    assert json.loads((tmp_path / "index" / index.ABOUT).read_text())["model"] == built_with
    assert rows(open_index(tmp_path / "index", Numbers(20, opened_with)).search(["7"], top=1)) == [[7]]


@pytest.mark.parametrize("name", [*FILES, *GRAPH_FILES])
@pytest.mark.parametrize("left", [None, 0, 50, -1])
def test_a_truncated_or_absent_file_is_one_line(copy, encoder, name, left):
    if left is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes((copy / name).read_bytes()[:left])
    assert f"damaged index: {name} " in refused(copy, encoder)


@pytest.mark.parametrize("name", [*FILES, *GRAPH_FILES])
@pytest.mark.parametrize("at", [0, 200, -1])
def test_a_byte_that_is_another_is_one_line(copy, encoder, name, at):
    # Most would only change what is found.
    data = bytearray((copy / name).read_bytes())
    data[at] ^= 1
    (copy / name).write_bytes(data)
    assert f"damaged index: {name} has changed since it was written" in refused(copy, encoder)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(("name", "position"), [("index/embeddings.npy", -20 * 64 - 1), ("finished", 2 * 65 - 3)])
@pytest.mark.parametrize("damage", [lambda data, at: data[:at], lambda data, at: data[:at] + b"?" + data[at + 1 :]])
def test_from_a_damaged_part_on_it_is_encoded_again(tmp_path, name, position, damage):
    work_dir = stopped(tmp_path / "index", Numbers(50, stopped_at=40), count=50)
    (work_dir / name).write_bytes(damage((work_dir / name).read_bytes(), position))
    encoder = Numbers(50)
    build(numbers(range(50)), encoder, tmp_path / "index")
    assert encoder.asked == 40
    expected = normalize(encoder.encode(numbers(range(50)))).astype(np.float16)
    np.testing.assert_array_equal(stored(tmp_path / "index"), expected)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 100_000, '{"format": 3}', '{"format": 3, "sha256": 3}'])
def test_a_broken_description_is_one_line(copy, encoder, text):
    (copy / index.ABOUT).write_text(text)
    assert "damaged index: about.json" in refused(copy, encoder)


def test_another_format_is_refused(copy, encoder):
    about = json.loads((copy / index.ABOUT).read_text())
    (copy / index.ABOUT).write_text(json.dumps(about | {"format": 2}))
    assert "another index format; this version reads format 3; rebuild the index" in refused(copy, encoder)


def test_what_is_no_index_is_refused(tmp_path, encoder):
    assert "not an index" in refused(tmp_path, encoder)


def test_without_usearch_the_extra_is_named(encoder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(KosbertError, match=r"^An index with a graph needs usearch, .*: pip install 'usearch>="):
        build(["눈"], encoder, tmp_path / "index")
    assert [*tmp_path.iterdir()] == []


def test_search_index_and_bulk_encoding_import_no_torch(tmp_path):
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_index as t
from kosbert.apps.bulk import encode_file
folder = t.Path({str(tmp_path)!r})
t.index.MAX_WITHOUT_GRAPH = 0
t.build(map(str, range(20)), t.Numbers(20), folder / "index")
assert t.rows(t.open_index(folder / "index", t.Numbers(20)).search(["7"], top=1)) == [[7]]
(folder / "texts.txt").write_text("1\\n2\\n")
encode_file(t.Numbers(20), folder / "texts.txt", folder / "out.parquet")
print(sorted({{"torch", "transformers", "sentence_transformers"}} & {{*sys.modules}}))
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
