"""The examples, run as a reader runs them: with a model's folder, and without a network."""

import io
import re
import runpy
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

EXAMPLES = Path(__file__).parents[1] / "examples"
RAY = Path(__file__).parent / "apps/test_ray_data.py"  # runs the example on Ray


@pytest.fixture
def run(monkeypatch, capsys):
    """Run an example as `python examples/NAME.py` does, and return the lines that it prints."""

    def no_network(*_):
        raise AssertionError("an example needs no network")

    def run(name, *arguments, typed=""):
        path = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(socket.socket, "connect", no_network)
        monkeypatch.setattr(sys, "argv", [path, *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def lines(tmp_path):
    file = tmp_path / "lines.txt"
    file.write_text("배가 고파서 빵을 먹었다.\n회의가 길어졌다.\n이불을 햇볕에 널었다.\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_says_what_it_is_and_embeds_by_our_one_interface(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    assert text.startswith('"""')
    assert ("kosbert.load(" in text) == (path.stem != "encode_on_ray")
    assert not re.search(r"^\s*(import|from) (sentence_transformers|transformers|torch)\b", text, re.MULTILINE)
    tests = "".join(file.read_text(encoding="utf-8") for file in (Path(__file__), RAY))
    assert f"def test_{path.stem}" in tests or f"examples/{path.name}" in tests


def test_similarity(run, tiny):
    rows = [row.split("\t") for row in run("similarity", tiny)]
    assert [len(row) for row in rows] == [3, 3, 3]
    model = SentenceTransformer(str(tiny), local_files_only=True)
    for cosine, *pair in rows:
        assert float(cosine) == pytest.approx(float(model.similarity_pairwise(*map(model.encode, pair))), abs=0.003)


def test_semantic_search(run, tiny):
    scores = [float(row.split("\t")[0]) for row in run("semantic_search", tiny) if row.startswith("  ")]
    assert len(scores) == 6
    assert scores[:3] == sorted(scores[:3], reverse=True)


def test_search_file(run, tiny, lines):
    first, *hits = run("search_file", lines, tiny, typed="이불을 햇볕에 널었다.\n\n")
    assert first.startswith("3 sentences.")
    score, row, text = hits[0].strip().split("\t")
    assert (score, row, text) == ("1.000", "3", "이불을 햇볕에 널었다.")


def test_clustering(run, tiny):
    found = run("clustering", tiny)
    assert [row for row in found if not row.startswith("  ")] == ["Cluster 1", "Cluster 2", "Cluster 3"]
    assert len({row for row in found if row.startswith("  ")}) == 6


def test_encode_file(run, tiny, lines, tmp_path):
    run("encode_file", lines, tmp_path / "out.npy", tiny)
    embeddings = np.load(tmp_path / "out.npy")
    assert embeddings.shape == (3, 32)
    assert embeddings.dtype == np.float32
    again = tmp_path / "one.txt"
    again.write_text("이불을 햇볕에 널었다.\n", encoding="utf-8")
    run("encode_file", again, tmp_path / "one.npy", tiny)
    np.testing.assert_allclose(np.load(tmp_path / "one.npy")[0], embeddings[2], rtol=1e-4, atol=1e-6)


def test_service(tiny, monkeypatch):
    testclient = pytest.importorskip("fastapi.testclient")
    monkeypatch.setenv("MODEL", str(tiny))
    app = runpy.run_path(str(EXAMPLES / "service.py"))["app"]
    with testclient.TestClient(app) as client:
        answer = client.post("/nearest", json={"text": "비밀번호는 어떻게 바꾸나요?"})
        assert answer.json() == {"question": "비밀번호는 어떻게 바꾸나요?", "score": pytest.approx(1, abs=1e-5)}
        assert client.post("/nearest", json={"text": ""}).status_code == 422
