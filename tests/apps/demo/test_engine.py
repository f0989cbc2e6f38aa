"""The demo's engine: what it finds, what it forgets, and which files it refuses."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import kosbert
from kosbert.apps.demo import engine as engines
from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.limits import CHARACTERS, SENTENCES, UPLOADS, RefusalError
from kosbert.inference.export import export

TEXTS = ["비가 온다", "눈이 온다", "밥을 먹는다", "국을 끓인다"]


@pytest.fixture(scope="session")
def model(tiny):
    return kosbert.load(tiny)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def engine(model, now):
    return Engine(model, model="tiny", sentences=TEXTS, clock=lambda: now[0])


def sent(text):
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def as_parquet(**columns):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def test_a_sentence_of_the_corpus_finds_itself_first(engine):
    corpus, hits = engine.search("밥을 먹는다", top=20)
    assert corpus.size == len(hits) == 4
    assert (hits[0].row, hits[0].text, hits[0].score) == (2, "밥을 먹는다", pytest.approx(1, abs=1e-5))


def test_similarity_is_the_cosine_of_the_embeddings(engine, model):
    first, second = model.encode(TEXTS[:2])
    cosine = float(first @ second) / (np.linalg.norm(first) * np.linalg.norm(second))
    assert engine.similarity(*TEXTS[:2]) == pytest.approx(cosine, abs=1e-5)
    assert engine.similarity(TEXTS[0], TEXTS[0]) == pytest.approx(1)


def test_every_sentence_is_in_one_group_and_on_the_map(engine):
    found = engine.cluster([*TEXTS, *TEXTS], 3)
    assert sorted(row for group in found.groups for row in group) == [*range(8)]
    assert len(found.groups) == 3
    assert found.points[:4] == found.points[4:]
    assert max(abs(number) for point in found.points for number in point) == pytest.approx(1)


def test_more_groups_than_sentences_are_refused(engine):
    with pytest.raises(RefusalError) as refused:
        engine.cluster(["비", "비", "눈"], 3)
    assert refused.value.code == "groups"


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("말.txt", "\ufeff비가 온다\r\n\r\n 눈이 온다 ", None),
        ("a.CSV", "sentence,id\n비가 온다,1\n눈이 온다,2\n", None),
        ("a.tsv", "id\t말\n1\t비가 온다\n2\t눈이 온다\n", "말"),
        ("a.parquet", as_parquet(id=[1, 2], text=["비가 온다", "눈이 온다"]), None),
    ],
)
def test_a_file_becomes_a_corpus_of_its_own(engine, name, content, column):
    corpus = engine.upload(name, sent(content), column)
    assert (corpus.name, corpus.size, corpus.samples) == (name, 2, TEXTS[:2])
    _, hits = engine.search("눈이 온다", top=1, token=corpus.token)
    assert hits[0].text == "눈이 온다"
    assert engine.search("비", top=1)[0].size == 4


@pytest.mark.parametrize(
    ("name", "content", "code", "line"),
    [
        ("a.exe", b"", "ending", "'a.exe': expected a file whose name ends in .txt, .tsv, .tab, .csv, .jsonl, "),
        ("a.txt", b"\n \n", "no_texts", "a.txt: no texts in it"),
        ("a.txt", "비가 온다".encode("cp949"), "file", "a.txt, line 1: not UTF-8"),
        ("a.txt", b"\0\1\2", "file", "a.txt, line 1: a NUL character"),
        ("a.csv", b"", "file", "a.csv: expected a table whose first line names its columns"),
        ("a.csv", b"a,b\n1,2\n", "column", "a.csv: several columns"),
        ("a.parquet", b"PAR1 no more", "file", "a.parquet: not a readable Parquet file"),
        ("a.parquet", as_parquet(id=[1]), "file", "a.parquet, row 1: found a number; expected a text"),
        ("a.txt", "가" * (CHARACTERS + 1), "long", "a.txt, sentence 1: 1,001 characters"),
        ("a.txt", "비\n" * (SENTENCES + 1), "many", "a.txt: more than 5,000 sentences"),
        ("a.parquet", as_parquet(text=["비"] * (2 * SENTENCES + 1)), "many", "a.parquet: more than 5,000"),
        # A few kilobytes that would unpack to 65 MB a thousand rows.
        ("a.parquet", as_parquet(text=["비" * 22_000] * 1000), "file", "a.parquet: a row of 66,00"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_with_a_code(engine, name, content, code, line):
    with pytest.raises(RefusalError) as refused:
        engine.upload(name, sent(content))
    assert refused.value.code == code
    assert line in refused.value.message
    assert "\n" not in refused.value.message
    assert "kosbert-" not in refused.value.message  # the temporary folder


def test_the_columns_of_a_table_are_listed_so_that_one_can_be_chosen(engine):
    for name, content in (("a.csv", b"a,b\n1,2\n"), ("a.parquet", as_parquet(a=["1"], b=["2"]))):
        with pytest.raises(RefusalError) as refused:
            engine.upload(name, sent(content))
        assert refused.value.details["columns"] == ["a", "b"]


def test_nothing_of_an_upload_stays_on_disk(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine.upload("a.txt", sent("비"))
    with pytest.raises(RefusalError):
        engine.upload("a.csv", sent("a,b\n"))
    assert [*tmp_path.iterdir()] == []


def test_an_upload_is_forgotten_half_an_hour_after_its_last_use(engine, now):
    token = engine.upload("a.txt", sent("비")).token
    for now[0] in (1700, 3400):
        engine.search("비", top=1, token=token)
    now[0] = 5201
    with pytest.raises(RefusalError) as refused:
        engine.search("비", top=1, token=token)
    assert (refused.value.code, refused.value.status) == ("gone", 404)


def test_the_upload_longest_unused_makes_room(engine):
    tokens = [engine.upload("a.txt", sent("비")).token for _ in range(UPLOADS)]
    engine.search("비", top=1, token=tokens[0])
    engine.upload("a.txt", sent("눈"))
    engine.search("비", top=1, token=tokens[0])
    with pytest.raises(RefusalError):
        engine.search("비", top=1, token=tokens[1])


def test_uploads_that_are_large_together_make_room_too(engine, monkeypatch):
    first, second = (engine.upload("a.txt", sent("비\n" * 100)) for _ in range(2))
    assert first.memory > 100 * engine.dimensions * 4
    monkeypatch.setattr(engines, "MEMORY", 2 * first.memory + 100)
    third = engine.upload("a.txt", sent("비\n" * 100))
    assert engine.memory == second.memory + third.memory
    with pytest.raises(RefusalError):
        engine.search("비", top=1, token=first.token)


def test_an_upload_that_is_too_large_beside_others_is_kept_alone(engine, monkeypatch):
    monkeypatch.setattr(engines, "MEMORY", 10)
    tokens = [engine.upload("a.txt", sent("비")).token for _ in range(2)]
    engine.search("비", top=1, token=tokens[1])
    with pytest.raises(RefusalError):
        engine.search("비", top=1, token=tokens[0])


def test_threads_get_what_one_alone_gets(engine):
    alone = [engine.search(text, top=4) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        together = [*pool.map(lambda text: engine.search(text, top=4), TEXTS * 5)]
    for number, (_, hits) in enumerate(together):
        expected = alone[number % 4][1]
        assert [hit.row for hit in hits] == [hit.row for hit in expected]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-6)


def test_long_jobs_are_cut_into_slices(model, monkeypatch):
    monkeypatch.setattr(engines, "SLICE", 3)
    encoder = engines.YieldingEncoder(model)
    assert encoder.encode(TEXTS) == pytest.approx(model.encode(TEXTS), abs=1e-5)
    assert encoder.encode([]).shape == (0, model.dimensions)
    assert encoder.fingerprint == model.fingerprint


def test_the_demo_of_an_exported_model_needs_no_torch(tiny, tmp_path):
    export(str(tiny), tmp_path / "exported")
    program = f"""
import io, sys
import kosbert
from fastapi.testclient import TestClient
from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.server import create_app
engine = Engine(kosbert.load({str(tmp_path / "exported")!r}), model="tiny", sentences={TEXTS})
client = TestClient(create_app(engine), base_url="http://127.0.0.1")
assert client.post("/v1/embeddings", json={{"input": "비", "model": "tiny"}}).status_code == 200
token = engine.upload("a.txt", io.BytesIO("비".encode())).token
engine.search("비", top=1, token=token), engine.similarity("비", "눈"), engine.cluster({TEXTS}, 2)
print({{"torch", "transformers", "sentence_transformers"}} & {{*sys.modules}})
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
