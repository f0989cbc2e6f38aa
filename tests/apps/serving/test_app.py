"""The server as people have it: OpenAI's own client package, over a real connection."""

import base64
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, repeat

import httpx
import numpy as np
import openai
import pytest
from support.serving import running

import kosbert
from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.server import create_app as create_demo
from kosbert.apps.serving.app import MAX_BODY, create_app
from kosbert.apps.serving.guard import ConcurrencyLimiter
from kosbert.apps.serving.model import TURN_CHARACTERS, TURN_TEXTS, TURN_TOKENS, ServedModel, turns
from kosbert.apps.serving.request import MAX_CHARACTERS, MAX_TEXTS

TEXTS = ["비가 온다.", "Ünïcödé 🙂 \u200d", "한 남자가 기타를 친다.", "비가 온다."]
NAME = "models/tiny"


@contextmanager
def client_of(app, *, api_key="unused", retries=0):
    with running(app) as address, openai.OpenAI(base_url=f"{address}/v1", api_key=api_key, max_retries=retries) as one:
        yield one


@pytest.fixture(scope="module", params=["serve", "demo"])
def address(request, encoder):
    """Both servers have the same API."""
    if request.param == "serve":
        app = create_app(ServedModel(encoder, name=NAME))
    else:
        app = create_demo(Engine(encoder, model=NAME, sentences=TEXTS[:2]))
    with running(app) as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def numbers(response):
    return np.array([one.embedding for one in response.data])


def post(address, body, kind="application/json", **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{address}/v1/embeddings", content=content, headers={"Content-Type": kind, **headers})


def error_of(answer, status):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert [*error] == ["message", "type", "param", "code"]
    assert error["message"]
    assert "\n" not in error["message"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    return error


def test_a_text_and_a_list_of_texts_are_embedded_as_encode_does(client, encoder):
    response = client.embeddings.create(model=NAME, input=TEXTS)  # in base64, as the client asks
    expected = encoder.encode(TEXTS)
    np.testing.assert_array_equal(numbers(response).astype(np.float32), expected)
    assert [one.index for one in response.data] == [0, 1, 2, 3]
    assert (response.object, response.model, response.data[0].object) == ("list", NAME, "embedding")
    assert response.usage.prompt_tokens == response.usage.total_tokens == sum(encoder.count_tokens(TEXTS))
    one = client.embeddings.create(model="tiny", input=TEXTS[0], user="somebody")
    np.testing.assert_allclose(numbers(one), expected[:1], atol=1e-6)


def test_numbers_are_those_of_base64_with_no_digit_too_many(client):
    floats = numbers(client.embeddings.create(model=NAME, input=TEXTS, encoding_format="float"))
    raw = client.embeddings.create(model=NAME, input=TEXTS, encoding_format="base64").data
    decoded = [np.frombuffer(base64.b64decode(one.embedding), "<f4") for one in raw]
    np.testing.assert_array_equal(floats.astype(np.float32), decoded)
    assert [*map(repr, floats[0].tolist())] == [*map(str, decoded[0])]


def test_fewer_dimensions_are_the_first_scaled_to_length_1(client, encoder):
    whole = encoder.encode(TEXTS)
    cut = numbers(client.embeddings.create(model=NAME, input=TEXTS, dimensions=8))
    assert cut.shape == (4, 8)
    np.testing.assert_allclose(cut, whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True), atol=1e-6)
    own = numbers(client.embeddings.create(model=NAME, input=TEXTS, dimensions=encoder.dimensions))
    np.testing.assert_array_equal(own.astype(np.float32), whole)


def test_a_long_list_keeps_its_order(client, encoder, sentences):
    texts = (sentences * 3)[: 2 * TURN_TEXTS + 5]
    response = client.embeddings.create(model=NAME, input=texts)
    np.testing.assert_allclose(numbers(response), encoder.encode(texts), atol=1e-5)


def test_the_model_is_listed_and_found_by_its_name(client, encoder):
    (model,) = client.models.list().data
    assert (model.id, model.object, model.dimensions) == (NAME, "model", encoder.dimensions)
    assert client.models.retrieve(NAME) == client.models.retrieve("tiny") == model
    with pytest.raises(openai.NotFoundError, match="this server has 'models/tiny'"):
        client.models.retrieve("gpt-5")


def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError, match="'text-embedding-3-small' does not exist here") as caught:
        client.embeddings.create(model="text-embedding-3-small", input="비")
    assert (caught.value.code, caught.value.param, caught.value.type) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )


def test_token_ids_are_refused_and_langchain_is_told_what_to_set(client):
    for ids in ([1, 2, 3], [[1, 2], [3]]):
        with pytest.raises(openai.BadRequestError, match=r"token ids.*check_embedding_ctx_length=False"):
            client.embeddings.create(model=NAME, input=ids)


def test_a_text_that_is_too_long_is_refused_with_its_row(client, encoder):
    long = "비가 온다. " * 300
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=NAME, input=["비", long, long])
    error = caught.value
    assert (error.code, error.param) == ("context_length_exceeded", "input")
    count = encoder.count_tokens([long])[0]
    assert f"{encoder.max_length:,} tokens, however input[1] has {count:,} tokens (and 1 more are" in error.message
    assert "--truncate" in error.message


def test_a_text_that_is_too_long_is_cut_if_the_server_is_told_so(encoder):
    long = "비가 온다. " * 300
    with client_of(create_app(ServedModel(encoder, name=NAME, truncate=True))) as client:
        response = client.embeddings.create(model=NAME, input=long)
    np.testing.assert_array_equal(numbers(response).astype(np.float32), encoder.encode([long]))
    assert response.usage.total_tokens == encoder.max_length


def test_a_server_may_read_more_tokens(tiny):
    with kosbert.load(tiny, max_length=16) as short:
        served = ServedModel(short, name=NAME)
        with pytest.raises(Exception, match=rf"--max-length \(up to {short.most_tokens:,}\) or --truncate"):
            served.tokens_read([5, 17])
        assert served.tokens_read([5, 16]) == [5, 16]


@pytest.mark.parametrize(
    ("body", "param", "line"),
    [
        ({"model": NAME}, "input", "Missing required parameter: 'input'"),
        ({"input": "비"}, "model", "Missing required parameter: 'model'"),
        ({"input": "비", "model": 7}, "model", "expected the name of the model, found a number (7)"),
        ({"input": "비", "model": ""}, "model", "expected the name of the model, found a text ('')"),
        ({"input": None, "model": NAME}, "input", "Missing required parameter"),
        ({"input": [], "model": NAME}, "input", "0 texts; expected 1 to 2,048"),
        ({"input": ["비"] * (MAX_TEXTS + 1), "model": NAME}, "input", "2,049 texts; expected 1 to 2,048"),
        ({"input": "", "model": NAME}, "input", "input: the text is blank"),
        ({"input": ["비", " \n\u200b"], "model": NAME}, "input", "input[1]: the text is blank"),
        ({"input": ["비", None], "model": NAME}, "input", "input[1]: expected a text, found null"),
        ({"input": ["비", 3.5], "model": NAME}, "input", "input[1]: expected a text, found a number (3.5)"),
        ({"input": [["비"]], "model": NAME}, "input", "input[0]: expected a text, found a list"),
        ({"input": [[]], "model": NAME}, "input", "input[0]: expected a text, found a list"),
        ({"input": {"a": 1}, "model": NAME}, "input", "expected a text or a list of texts, found an object"),
        ({"input": "가" * (MAX_CHARACTERS + 1), "model": NAME}, "input", "262,145 characters; the limit is 262,144"),
        ({"input": True, "model": NAME}, "input", "found true or false (true)"),
        ({"input": [True], "model": NAME}, "input", "input[0]: expected a text, found true or false (true)"),
        ({"input": "비\ud800", "model": NAME}, "input", "input: a lone surrogate"),
        ({"input": "비", "model": NAME, "encoding_format": "f8\n\ud800"}, "encoding_format", "found a text ('f8')"),
        ({"input": "비", "model": NAME, "dimensions": 0}, "dimensions", "found a number (0)"),
        ({"input": "비", "model": NAME, "dimensions": 33}, "dimensions", "from 1 to 32, found a number (33)"),
        ({"input": "비", "model": NAME, "dimensions": 8.0}, "dimensions", "found a number (8.0)"),
        ({"input": "비", "model": NAME, "dimensions": True}, "dimensions", "found true or false"),
        ({"input": "비", "model": NAME, "dimensions": 10**40}, "dimensions", "found a number"),
        ({"input": "비", "model": NAME, "dimension": 8}, "dimension", "Unknown parameter: 'dimension'"),
        ({"input": "비", "model": NAME, "\ud800\n": 8}, "", "Unknown parameter: ''"),
        ([1], None, "expected a JSON object, found a list"),
        (None, None, "expected a JSON object, found null"),
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b"\xff\xfe\xff", None, "not valid JSON"),
        (b"[" * 100_000, None, "nested too deeply"),
        (b'{"input":' + b"[" * 900 + b"]" * 900 + b',"model":"tiny"}', "input", "input[0]: expected a text"),
        (b'{"input": "a", "model": "tiny", "dimensions": NaN}', None, "NaN is not a JSON number"),
        (b'{"input": "a", "model": "tiny", "dimensions": 1e999}', "dimensions", "found a number"),
        (b'{"input": "a", "model": "tiny", "dimensions": %s}' % (b"9" * 9999), None, "not valid JSON"),
    ],
)
def test_a_bad_body_is_400_and_one_line_about_it(address, body, param, line):
    error = error_of(post(address, body), 400)
    assert line in error["message"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert len(error["message"]) < 300


def test_what_asks_for_nothing_is_let_pass(address):
    body = {"input": "비", "model": "tiny", "user": 5, "dimensions": None, "encoding_format": None, "input_type": None}
    assert post(address, body, kind="Application/JSON; charset=utf-8").status_code == 200


def test_other_paths_methods_and_kinds_are_refused_in_the_same_format(address):
    error_of(httpx.get(f"{address}/v1/nothing"), 404)
    wrong = httpx.get(f"{address}/v1/embeddings")
    assert error_of(wrong, 405)["code"] == "method_not_allowed"
    assert wrong.headers["allow"] == "POST"
    assert "x-www-form" in error_of(post(address, b"{}", kind="application/x-www-form-urlencoded"), 415)["message"]
    error_of(post(address, {"input": "비", "model": "tiny"}, **{"Sec-Fetch-Site": "cross-site"}), 403)
    error_of(httpx.get(f"{address}/v1/models", headers={"Host": "evil.example"}), 400)
    assert httpx.get(f"{address}/health").json() == {"status": "ok"}


def test_a_large_body_is_refused_whether_or_not_it_says_its_length(address):
    assert error_of(post(address, b" " * (MAX_BODY + 1)), 413)["code"] == "request_too_large"
    chunks = chain(repeat(b" " * 100_000, MAX_BODY // 100_000 + 1))
    kind = {"Content-Type": "application/json"}
    error_of(httpx.post(f"{address}/v1/embeddings", content=chunks, headers=kind), 413)
    error_of(post(address, b" " * MAX_BODY), 400)  # it is taken, and is no JSON


def test_the_api_is_described(address):
    api = httpx.get(f"{address}/v1/openapi.json").json()
    assert {*api["paths"]} == {"/v1/embeddings", "/v1/models", "/v1/models/{name}", "/health"}
    (body,) = api["paths"]["/v1/embeddings"]["post"]["requestBody"]["content"].values()
    assert post(address, body["example"]).status_code == 200
    assert "422" not in json.dumps(api)


def test_a_key_is_required_where_there_is_one(encoder):
    app = create_app(ServedModel(encoder, name=NAME), api_key="secret")
    with client_of(app, api_key="secret") as client:
        assert client.embeddings.create(model=NAME, input="비").data
        address = str(client.base_url).removesuffix("/v1/")
        for key in ("Secret", "secret2", "sécret"):
            other = {"Authorization": f"Bearer {key}".encode()}
            refused = post(address, {"input": "비", "model": NAME}, **other)
            assert error_of(refused, 401)["code"] == "invalid_api_key"
            assert refused.headers["www-authenticate"] == "Bearer"
        assert "No API key" in error_of(post(address, b"{"), 401)["message"]
        assert post(address, b"{", Authorization="Basic secret").status_code == 401  # before anything is read
        assert httpx.get(f"{address}/v1/models").status_code == 401
        assert httpx.get(f"{address}/health").status_code == 200
        with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
            client.with_options(api_key="wrong").embeddings.create(model=NAME, input="비")


def test_the_key_of_the_demo_is_for_the_api_alone(encoder):
    with running(create_demo(Engine(encoder, model=NAME, sentences=TEXTS[:2]), api_key="secret")) as address:
        assert httpx.get(f"{address}/v1/models").status_code == 401
        assert httpx.get(f"{address}/").status_code == 200


def test_twenty_clients_at_once_each_get_their_own_embeddings(client, encoder, sentences):
    expected = encoder.encode(sentences[:200])

    def ask(number):
        texts = sentences[10 * number : 10 * number + 10]
        found = numbers(client.embeddings.create(model=NAME, input=texts))
        return np.abs(found - expected[10 * number : 10 * number + 10]).max()

    with ThreadPoolExecutor(20) as pool:
        assert max(pool.map(ask, range(20))) < 1e-5


class Slow:
    """An encoder that waits before it encodes, until it is let go on."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.begun, self.go_on, self.calls = threading.Event(), threading.Event(), 0

    def __getattr__(self, name):
        return getattr(self._encoder, name)

    def encode(self, texts):
        self.calls += 1
        self.begun.set()
        self.go_on.wait(30)
        return self._encoder.encode(texts)


def test_too_many_at_once_are_sent_away_and_the_client_comes_again(encoder):
    slow = Slow(encoder)
    app = create_app(ServedModel(slow, name=NAME), jobs=ConcurrencyLimiter(max_concurrent=1, max_waiting=0))
    with client_of(app) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.embeddings.create, model=NAME, input="비")
        assert slow.begun.wait(30)
        with pytest.raises(openai.InternalServerError) as caught:
            client.embeddings.create(model=NAME, input="눈")
        assert (caught.value.status_code, caught.value.code) == (503, "overloaded")
        assert caught.value.response.headers["retry-after"] == "2"
        patient = pool.submit(client.with_options(max_retries=3).embeddings.create, model=NAME, input="눈")
        slow.go_on.set()
        assert first.result().data
        assert patient.result().data


def test_a_long_request_lets_others_in_between(encoder):
    slow = Slow(encoder)
    app = create_app(ServedModel(slow, name=NAME), jobs=ConcurrencyLimiter(max_concurrent=1))
    done = []

    def ask(texts):
        client.embeddings.create(model=NAME, input=texts)
        done.append(len(texts))

    long = [f"비가 {number} 번 온다." for number in range(10 * TURN_TEXTS)]
    with client_of(app) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, long)
        assert slow.begun.wait(30)
        second = pool.submit(ask, ["눈이 온다."])
        threading.Event().wait(0.3)  # it has come by then
        slow.go_on.set()
        first.result(), second.result()
    assert done == [1, len(long)]


def test_a_request_whose_client_has_gone_is_given_up(encoder):
    slow = Slow(encoder)
    long = [f"비가 {number} 번 온다." for number in range(10 * TURN_TEXTS)]
    with running(create_app(ServedModel(slow, name=NAME))) as address:
        body = json.dumps({"input": long, "model": NAME}).encode()
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as sock:
            head = f"POST /v1/embeddings HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
            sock.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            assert slow.begun.wait(30)
        threading.Event().wait(0.3)
        slow.go_on.set()
        assert httpx.get(f"{address}/health").status_code == 200
    assert slow.calls < 10


def test_a_turn_is_bounded_by_texts_tokens_and_characters():
    texts = [str(number) for number in range(150)]
    assert [len(turn) for turn in turns(texts)] == [TURN_TEXTS, TURN_TEXTS, 150 - 2 * TURN_TEXTS]
    tokens = [TURN_TOKENS + 1, TURN_TOKENS, 1, TURN_TOKENS // 2, TURN_TOKENS // 2, 7]
    assert [*turns(texts[:6], tokens)] == [["0"], ["1"], ["2", "3"], ["4", "5"]]
    long = "가" * (TURN_CHARACTERS // 2)
    assert [*turns([long, long, "나"], [5, 5, 5])] == [[long, long], ["나"]]


@pytest.mark.parametrize("error", [kosbert.errors.KosbertError("inner detail"), RuntimeError("inner detail")])
def test_a_failure_of_the_server_is_one_line_without_inner_detail(encoder, error):
    class Broken(Slow):
        def encode(self, _):
            raise error

    with client_of(create_app(ServedModel(Broken(encoder), name=NAME))) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.embeddings.create(model=NAME, input="비")
        assert caught.value.status_code == 500
        assert "inner" not in caught.value.response.text
        assert caught.value.type == "server_error"
        assert caught.value.response.headers["x-content-type-options"] == "nosniff"
        assert client.models.list().data


def test_embeddings_that_are_no_numbers_are_a_failure(encoder):
    class Broken(Slow):
        def encode(self, texts):
            return np.full((len(texts), 32), np.nan, np.float32)

    app = create_app(ServedModel(Broken(encoder), name=NAME))
    with client_of(app) as client, pytest.raises(openai.InternalServerError):
        client.embeddings.create(model=NAME, input="비")
