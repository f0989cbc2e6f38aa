"""The demo's JSON interface: answers, and every refusal as a code and one line."""

import re
import threading
from itertools import chain, repeat

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import kosbert
from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.limits import BODY, CHARACTERS, CLUSTERED
from kosbert.apps.demo.server import create_app
from kosbert.apps.serving.guard import ConcurrencyLimiter
from kosbert.apps.serving.listening import listen
from kosbert.cli import main
from kosbert.encoder.calibration import Calibration

TEXTS = ["비가 온다", "눈이 온다", "밥을 먹는다", "국을 끓인다"]
HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def engine(tiny):
    return Engine(kosbert.load(tiny), model="tiny", sentences=TEXTS)


@pytest.fixture(scope="module")
def client(engine):
    with TestClient(create_app(engine), base_url=HERE) as client:
        yield client


def refused(answer, status, code):
    found = answer.json()
    assert (answer.status_code, found["code"]) == (status, code)
    assert found["message"]
    assert "\n" not in found["message"]
    return found


def test_search_similarity_and_clusters_are_answered(client):
    found = client.post("/api/search", json={"query": " 눈이 온다 ", "top": 2}).json()
    assert found["corpus"]["size"] == 4
    first, _ = found["hits"]
    assert first["text"] == "눈이 온다"
    same = client.post("/api/similarity", json={"first": "비", "second": "비"}).json()
    assert same == {"cosine": pytest.approx(1), "sts_score": None, "truncated": 0}
    clusters = client.post("/api/cluster", json={"sentences": TEXTS, "groups": 2}).json()
    assert sorted(row for group in clusters["groups"] for row in group) == [0, 1, 2, 3]
    assert [len(point) for point in clusters["points"]] == [2] * 4


def test_what_a_cosine_means_is_told_where_the_model_knows_it(client, engine, monkeypatch):
    assert client.get("/api/about").json()["match"] is None
    monkeypatch.setattr(engine.encoder, "calibration", Calibration((-1.0, 1.0), (0.0, 5.0), 60, match=0.25))
    assert client.get("/api/about").json()["match"] == 0.25
    same = client.post("/api/similarity", json={"first": "비", "second": "비"}).json()
    assert same["sts_score"] == pytest.approx(5)


def test_an_upload_is_searched_by_its_token(client):
    corpus = client.post("/api/corpora", files={"file": ("../../말.csv", "a,말\n1,해가 뜬다\n")}, data={"column": "말"})
    assert corpus.json()["name"] == "말.csv"
    asked = {"query": "해", "corpus": corpus.json()["token"]}
    assert [hit["text"] for hit in client.post("/api/search", json=asked).json()["hits"]] == ["해가 뜬다"]
    refused(client.post("/api/search", json=asked | {"corpus": "other"}), 404, "gone")
    found = refused(client.post("/api/corpora", files={"file": ("a.csv", "a,b\n1,2\n")}), 422, "column")
    assert found["columns"] == ["a", "b"]
    file = ("a.csv", 'id,text\n1,"눈이\n')  # what is wrong is not the column
    found = refused(client.post("/api/corpora", files={"file": file}), 422, "file")
    assert "--" not in found["message"]


@pytest.mark.parametrize(
    ("path", "asked", "code"),
    [
        ("search", {"query": " \n"}, "empty"),
        ("search", {"query": "가" * (CHARACTERS + 1)}, "long"),
        ("search", {"query": "비", "top": 0}, "request"),
        ("search", {}, "request"),
        ("search", [1], "request"),
        ("similarity", {"first": "비", "second": ""}, "empty"),
        ("similarity", {"first": "비", "second": 5}, "request"),
        ("cluster", {"sentences": ["비"]}, "few"),
        ("cluster", {"sentences": ["비"] * (CLUSTERED + 1)}, "many"),
        ("cluster", {"sentences": ["비", ""]}, "empty"),
        ("cluster", {"sentences": ["비", "눈"], "groups": 3}, "groups"),
        ("cluster", {"sentences": ["비", "눈"], "groups": 10**6}, "request"),
    ],
)
def test_a_bad_request_is_a_code_and_one_line(client, path, asked, code):
    refused(client.post(f"/api/{path}", json=asked), 422, code)


@pytest.mark.parametrize("body", [b"{", b'{"query": "\\ud800"}', b"[" * 100_000, b"\xff", b""])
def test_what_is_no_json_is_refused(client, body):
    answer = client.post("/api/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    refused(answer, answer.status_code, "request")


def test_a_large_body_is_refused_whether_or_not_it_says_its_length(client):
    said = client.post("/api/corpora", content=b" ", headers={"Content-Length": str(10 << 20)})
    refused(said, 413, "large")
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    kinds = (("search", "application/json", b" "), ("corpora", "multipart/form-data; boundary=x", start))
    for path, kind, first in kinds:
        chunks = chain([first], repeat(b" " * 100_000, BODY // 100_000 + 1))
        refused(client.post(f"/api/{path}", content=chunks, headers={"Content-Type": kind}), 413, "large")


def test_pages_carry_the_headers_that_protect_them(client):
    for path in ("/", "/docs", "/page/demo.js", "/api/about", "/openapi.json", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert "://" not in client.get("/docs").text


def test_the_page_of_the_interface_describes_errors_by_a_schema_that_exists(client):
    own, openai = re.findall(r'url: "(.*?)".*#/components/schemas/(\w+)', client.get("/page/docs.js").text)
    for (url, name), expected in ((own, ["code", "message"]), (openai, ["error"])):
        assert [*client.get(url).json()["components"]["schemas"][name]["properties"]] == expected


def test_other_names_and_other_sites_are_refused(client, engine):
    refused(client.get("/", headers={"Host": "evil.example"}), 400, "request")
    for host in ("localhost:8000", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    pair = {"first": "비", "second": "눈"}
    answer = client.post("/api/similarity", json=pair, headers={"Sec-Fetch-Site": "cross-site"})
    refused(answer, 403, "request")
    with TestClient(create_app(engine, hosts=None), base_url="http://anywhere.example") as other:
        assert other.get("/").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_of_another_site_can_send_is_no_request(client, kind):
    for path, body in (("search", b'{"query": "a"}'), ("similarity", b'{"first": "a", "second": "b"}')):
        refused(client.post(f"/api/{path}", content=body, headers={"Content-Type": kind}), 422, "request")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (r"\ud800a.txt", "a.txt"),
        (r"\u202etxt.exe\u202c.txt", "txt.exe.txt"),
        (r"a\u0000\u001b[31mb.txt", "a [31mb.txt"),
        (r"<b>x</b>.txt", "b>.txt"),
        (r"../../a\u000a.TXT", "a.TXT"),
        ("a" * 200 + ".txt", "a" * 79 + "….txt"),
    ],
)
def test_the_name_of_a_file_is_shown_as_a_short_text(client, sent, shown):
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{sent}"\r\n\r\n'
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"  # a name that no browser sends
    body = head.replace("\\", "\\\\").encode() + b"one\r\n--x--\r\n"
    answer = client.post("/api/corpora", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == shown


def test_a_failure_of_the_server_is_one_line_without_inner_detail(engine, monkeypatch):
    def fail(*_):
        raise RuntimeError("inner detail")

    monkeypatch.setattr(engine, "similarity", fail)
    with TestClient(create_app(engine), base_url=HERE, raise_server_exceptions=False) as client:
        answer = client.post("/api/similarity", json={"first": "비", "second": "눈"})
    assert "inner" not in refused(answer, 500, "failed")["message"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_many_at_once_are_sent_away(tiny):
    busy, go_on = threading.Event(), threading.Event()

    class Slow(Engine):
        def similarity(self, first, second):
            busy.set()
            go_on.wait(30)
            return super().similarity(first, second)

    engine = Slow(kosbert.load(tiny), model="tiny", sentences=TEXTS)
    pair, answers = {"first": "비", "second": "눈"}, []
    app = create_app(engine, jobs=ConcurrencyLimiter(max_concurrent=1, max_waiting=0))
    with TestClient(app, base_url=HERE) as client:
        first = threading.Thread(target=lambda: answers.append(client.post("/api/similarity", json=pair)))
        first.start()
        assert busy.wait(30)
        second = client.post("/api/similarity", json=pair)
        go_on.set()
        first.join()
        refused(second, 503, "busy")
        assert second.headers["retry-after"] == "2"
        assert answers[0].status_code == 200
        assert client.post("/api/similarity", json=pair).status_code == 200


def command(*arguments):
    done = CliRunner().invoke(main, ["demo", *map(str, arguments)])
    assert done.exit_code == 1, done.output
    assert done.output.count("\n") == 1
    return done.output


def test_what_the_command_cannot_do_is_one_line(tiny, tmp_path, monkeypatch):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}: Address already in use" in command("--model", tiny, "--port", port)
    assert "nowhere.txt: No such file" in command("--model", tiny, "--corpus", tmp_path / "nowhere.txt")
    assert "not a sentence-transformers model" in command("--model", tmp_path, "--port", 0)
    monkeypatch.chdir(tmp_path)
    assert "train it with `make benchmark`" in command()
