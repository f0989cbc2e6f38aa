"""Clients that are slow, many, or do not speak HTTP as it should be: bounded, and others are answered meanwhile."""

import gzip
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support.serving import connected, exchanged, request, rest, running, status_of

from kosbert.apps.serving import connections, guard
from kosbert.apps.serving.guard import SecurityMiddleware
from kosbert.apps.serving.refusals import error_response

LIMIT, LARGE = 1 << 20, 16 << 20  # bytes of a request, and of a response that no system takes unread
SOON = 0.4  # seconds
CHUNKED = ("Transfer-Encoding: chunked",)


async def application(scope, receive, send):
    """Answer with the length of the body, with a large response, or at once."""
    asked = Request(scope, receive)
    if asked.url.path == "/large":
        response = Response(b"x" * LARGE)
    elif asked.url.path == "/deaf":
        response = PlainTextResponse("no", 415)
    else:
        response = PlainTextResponse(str(len(await asked.body())))
    await response(scope, receive, send)


@pytest.fixture(scope="module")
def server():
    """The address of a server, and what it logs."""
    logged = []
    handler = logging.Handler()
    handler.emit = logged.append
    with running(SecurityMiddleware(application, max_body=LIMIT, refuse=error_response, hosts=None)) as address:
        for name in ("uvicorn.error", "asyncio"):
            logging.getLogger(name).addHandler(handler)
        yield address, logged
        for name in ("uvicorn.error", "asyncio"):
            logging.getLogger(name).removeHandler(handler)


@pytest.fixture
def address(server):
    """The server, which goes on to answer after the test, and has logged nothing."""
    address, logged = server
    yield address
    assert httpx.get(address).text == "0"
    assert [record.getMessage() for record in logged] == []
    logged.clear()


@pytest.fixture
def hurried(monkeypatch):
    """A server that waits for its clients only for a moment."""
    monkeypatch.setattr(guard, "REQUEST_SECONDS", SOON)
    monkeypatch.setattr(connections, "CLIENT_SECONDS", 2 * SOON)


def dribbled(address, begin, drops):
    """Send the beginning of a request, then drops of it for as long as the server takes them; return the response."""
    began = time.monotonic()
    with connected(address) as sock:
        sock.sendall(begin)
        try:
            while time.monotonic() - began < 10 * SOON:
                sock.sendall(drops)
                time.sleep(SOON / 8)
                assert httpx.get(address).text == "0"  # others do not notice
        except ConnectionError:
            pass
        else:
            pytest.fail("the server has taken it for ever")
        return rest(sock)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "begin", [b"", b"G", b"GET / HTTP/1.1\r\nX: ", request("GET", "/")[:-2].replace(b"close", b"")]
)
def test_a_head_that_drips_is_not_waited_for(address, begin):
    dribbled(address, begin, b"a")


@pytest.mark.usefixtures("hurried")
def test_who_says_nothing_is_not_waited_for(address):
    with connected(address) as silent, connected(address) as again:
        again.sendall(request("GET", "/").replace(b"Connection: close\r\n", b"") + b"GET /")
        assert rest(again).endswith(b"\r\n\r\n0")
        assert rest(silent) == b""


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("lines", "drops"),
    [
        (["Content-Length: 100"], b""),
        (["Content-Length: 9999"], b"a"),
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED, b"1"),
        ([*CHUNKED, "Expect: 100-continue"], b""),
    ],
)
def test_a_body_that_does_not_come_is_told_that_it_took_too_long(address, lines, drops):
    response = dribbled(address, request("POST", "/", *lines), drops) if drops else None
    response = response or exchanged(address, request("POST", "/", *lines))
    response = response.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert status_of(response) == 408
    error = json.loads(response.partition(b"\r\n\r\n")[2])["error"]
    assert error["message"] == f"The request took too long; the limit is {SOON} seconds"


@pytest.mark.usefixtures("hurried")
def test_the_rest_of_a_request_that_was_answered_is_not_taken_for_ever(address):
    begin = request("POST", "/deaf", *CHUNKED).replace(b"Connection: close\r\n", b"")
    assert status_of(dribbled(address, begin, b"1\r\na\r\n")) == 415


@pytest.mark.usefixtures("hurried")
def test_a_response_that_is_not_read_is_given_up(address):
    with connected(address) as sock:
        sock.sendall(request("GET", "/large"))
        time.sleep(4 * SOON)
        assert len(rest(sock)) < LARGE


def test_a_response_that_is_read_is_whole(address):
    with connected(address) as sock:
        sock.sendall(request("GET", "/large"))
        time.sleep(SOON)
        assert len(rest(sock).partition(b"\r\n\r\n")[2]) == LARGE


def test_idle_clients_and_slow_ones_make_room_for_others(address, monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    head = request("POST", "/", "Content-Length: 100")
    with ExitStack() as stack:
        early = [stack.enter_context(connected(address)) for _ in range(60)]
        for number, sock in enumerate(early):
            sock.sendall((b"", b"GET", head)[number % 3] if number > 40 else b"")
        assert httpx.get(address).text == "0"
        late = [stack.enter_context(connected(address)) for _ in range(60)]
        assert exchanged(address, request("POST", "/", body=b"abc")).endswith(b"3")
        assert [rest(sock) for sock in early] == [b""] * 60  # the earliest go first
        late[-1].sendall(request("GET", "/"))
        assert rest(late[-1]).endswith(b"0")


def test_clients_that_read_nothing_do_not_fill_the_memory(address, monkeypatch):
    monkeypatch.setattr(connections, "MAX_UNREAD", 2 * LARGE)
    with ExitStack() as stack:
        deaf = [stack.enter_context(connected(address)) for _ in range(6)]
        for sock in deaf:
            sock.sendall(request("GET", "/large"))
            time.sleep(SOON / 4)
        lengths = [len(rest(sock)) for sock in deaf]
    assert max(lengths[:3]) < LARGE
    assert min(lengths[-2:]) > LARGE


def chunks(body, *lines):
    return request("POST", "/", *CHUNKED, *lines) + body


ODD = {
    "an extension and a trailer": (chunks(b"2;name=value\r\nab\r\n1\r\nc\r\n0\r\nHost: evil\r\n\r\n"), 200),
    "a chunk of 2^84 bytes": (chunks(b"FFFFFFFFFFFFFFFFFFFFF\r\nab"), 400),
    "a chunk of -1 byte": (chunks(b"-1\r\nab"), 400),
    "a chunk of +2 bytes": (chunks(b"+2\r\nab\r\n"), 400),
    "a chunk of 0x2 bytes": (chunks(b"0x2\r\nab\r\n"), 400),
    "a chunk of wide digits": (chunks("２\r\nab\r\n".encode()), 400),
    "a chunk that is longer": (chunks(b"2\r\nabc\r\n0\r\n\r\n"), 400),
    "no chunk": (request("POST", "/deaf", *CHUNKED) + b"no chunk\r\n", 400),
    "chunks that are too large together": (chunks(b"100000\r\n" + bytes(LIMIT) + b"\r\n2\r\nab\r\n"), 413),
    "two lengths that agree": (chunks(b"5\r\nabcde\r\n0\r\n\r\n", "Content-Length: 5"), 400),
    "a smuggled request": (chunks(b"0\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 4"), 400),
    "a packed transfer": (request("POST", "/", "Transfer-Encoding: gzip, chunked"), 400),
    "an unknown transfer": (request("POST", "/", "Transfer-Encoding: identity"), 400),
    "two other lengths": (request("POST", "/", "Content-Length: 3", "Content-Length: 4"), 400),
    "a length of -1": (request("POST", "/", "Content-Length: -1"), 400),
    "a length of 1e2": (request("POST", "/", "Content-Length: 1e2"), 400),
    "a length of 10^15": (request("POST", "/", f"Content-Length: {10**15}", "Expect: 100-continue"), 413),
    "a length of 5,000 digits": (request("POST", "/", f"Content-Length: {'9' * 5000}"), 400),
    "a header of 10 MB": (request("GET", "/", f"X: {'a' * 10_000_000}"), 400),
    "an address of 10 MB": (request("GET", f"/{'a' * 10_000_000}"), 400),
    "a million headers": (request("GET", "/", *["X: a"] * 1_000_000), 400),
    "a NUL": (request("GET", "/", "X: a\0b"), 400),
    "a blank before the colon": (request("GET", "/", "X : a"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100a5010000a10303") + bytes(200), 400),
    "empty lines": (b"\r\n" * 10_000, 400),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_gets_one_response_and_the_end(address, name):
    sent, status = ODD[name]
    response = exchanged(address, sent)
    assert status_of(response) == status
    assert response.count(b"HTTP/1.1 ") == 1


def test_others_have_their_turn_between_tiny_chunks(address):
    sent, answered = request("POST", "/", *CHUNKED) + b"1\r\na\r\n" * 300_000 + b"0\r\n\r\n", 0
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(exchanged, address, sent)
        while not flood.done():
            answered += httpx.get(address).text == "0"
    assert flood.result().endswith(b"300000")
    assert answered > 8


def test_a_thousand_requests_at_once_are_answered_one_by_one(address):
    one = request("POST", "/", body=b"abc").replace(b"Connection: close\r\n", b"")
    response = exchanged(address, one * 999 + request("GET", "/"))
    assert response.count(b"HTTP/1.1 200 OK") == 1000
    assert response.count(b"\r\n\r\n3") == 999


@pytest.mark.parametrize(("path", "status"), [("/", 413), ("/deaf", 415)])
def test_who_still_sends_sees_the_response(address, path, status):
    sent = b"100000\r\n" + bytes(LIMIT) + b"\r\n"
    with connected(address) as sock:
        sock.sendall(request("POST", path, *CHUNKED))
        for _ in range(20):
            sock.sendall(sent)  # not one of them fails
        sock.sendall(b"0\r\n\r\n")
        assert status_of(rest(sock)) == status


def test_what_was_packed_is_not_unpacked(address):
    bomb = gzip.compress(bytes(100 * LIMIT))
    response = exchanged(address, request("POST", "/", "Content-Encoding: gzip", body=bomb))
    assert int(response.partition(b"\r\n\r\n")[2]) == len(bomb)


@pytest.mark.parametrize("begin", [b"", b"GET", request("POST", "/", "Content-Length: 9"), chunks(b"2\r\nab\r\n")])
def test_who_goes_in_the_middle_of_a_request_leaves_no_trace(address, begin):
    with connected(address) as sock:
        sock.sendall(begin)
    time.sleep(SOON / 4)


def test_what_is_no_chunk_after_the_response_ends_the_connection(address):
    with connected(address) as sock:
        sock.sendall(request("POST", "/deaf", *CHUNKED).replace(b"Connection: close\r\n", b""))
        time.sleep(SOON / 4)
        sock.sendall(b"no chunk\r\n")
        assert status_of(rest(sock)) == 415
