"""Pages elsewhere in a user's browser, and servers' names that lead here, over real connections."""

import json

import pytest
from support.serving import exchanged, request, running, status_of

from kosbert.apps.demo.engine import Engine
from kosbert.apps.demo.server import create_app as create_demo
from kosbert.apps.serving.app import create_app
from kosbert.apps.serving.model import ServedModel

TEXTS = ["비가 온다", "눈이 온다"]
JSON = "Content-Type: application/json"
EMBED = json.dumps({"input": "비", "model": "tiny"}).encode()
PROTECTED = (
    b"frame-ancestors 'none'",
    b"x-content-type-options: nosniff",
    b"cross-origin-resource-policy: same-origin",
)


@pytest.fixture(scope="module", params=["serve", "demo"])
def server(request, encoder):
    """Both servers, each with the path of something to read."""
    if request.param == "serve":
        app, path = create_app(ServedModel(encoder, name="tiny")), "/v1/models"
    else:
        app, path = create_demo(Engine(encoder, model="tiny", sentences=TEXTS)), "/api/about"
    with running(app) as address:
        yield address, path


@pytest.fixture
def address(server):
    return server[0]


@pytest.fixture
def read(server):
    """Ask for what can be read, and return the response."""
    address, path = server
    return lambda *lines, **options: exchanged(address, request("GET", path, *lines, **options))


def refused(response, status):
    """Check that a response is one line in JSON that no page may read, frame or take for something else."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert status_of(response) == status
    assert b"access-control-" not in head
    assert all(header in head for header in PROTECTED)
    found = json.loads(body)
    message = found.get("error", found)["message"]
    assert message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:80", "[::1]", "[::1]:5", "127.0.0.1:"])
def test_the_servers_own_names_are_taken_with_any_port(read, host):
    assert status_of(read(host=host)) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "localhost.",
        "localhost,evil",
        "127.1",
        "2130706433",
        "::1",
        "[::1",
        "127.0.0.1:80:80",
        "127.0.0.1:x",
        "evil@127.0.0.1",
        "127.0.0.1@evil.example",
        "*",
        "nothing",
    ],
)
def test_other_names_are_refused_for_they_may_be_rebound(read, host):
    message = refused(read(host="" if host == "nothing" else host), 400)
    assert message == f"Host: expected localhost or 127.0.0.1 or [::1], found {host}"


def test_names_beside_the_host_do_not_count(read, address):
    forwarded = ("X-Forwarded-Host: 127.0.0.1", "Forwarded: host=127.0.0.1", "X-Host: 127.0.0.1")
    refused(read(*forwarded, host="evil.example"), 400)
    assert status_of(read("Host: evil.example")) == status_of(read("Host: 127.0.0.1")) == 400  # there are two
    assert status_of(read(host=None)) == 400
    refused(exchanged(address, b"GET /v1/models HTTP/1.0\r\n\r\n"), 400)
    absolute = request("GET", "http://evil.example/v1/models")
    refused(exchanged(address, absolute), 404)
    redirected = exchanged(address, request("GET", "/docs/", "X-Forwarded-Host: evil.example"))
    assert b"evil" not in redirected


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 200),  # a program
        (["Sec-Fetch-Site: same-origin"], 200),
        (["Sec-Fetch-Site: none"], 200),
        (["Sec-Fetch-Site: same-origin", "Origin: https://demo.example"], 200),  # a proxy has changed the Host
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], 200),  # a link
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"], 403),
        (["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: websocket", "Connection: Upgrade", "Upgrade: websocket"], 403),
        (["Sec-Fetch-Site: Same-Origin"], 403),  # no browser says so
        (["Sec-Fetch-Site: "], 403),
        (["Origin: http://127.0.0.1:8000"], 200),
        (["Origin: http://127.0.0.1:8001"], 403),
        (["Origin: http://localhost:8000"], 403),
        (["Origin: http://evil.example"], 403),
        (["Origin: http://evil.example/?127.0.0.1:8000"], 403),
        (["Origin: null"], 403),
        (["Origin: file://"], 403),
        (["Origin: "], 403),
    ],
)
def test_a_page_of_another_site_gets_nothing(read, lines, status):
    response = read(*lines, host="127.0.0.1:8000")
    if status == 200:
        assert status_of(response) == 200
    else:
        assert refused(response, 403) == "Requests from other sites are refused"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "file://", "http://127.0.0.1:8001"])
@pytest.mark.parametrize("site", ["cross-site", None])
def test_no_method_and_no_preflight_of_another_site_is_answered(address, origin, site):
    lines = [f"Origin: {origin}", *([f"Sec-Fetch-Site: {site}"] if site else [])]
    wanted = ["Access-Control-Request-Method: POST", "Access-Control-Request-Private-Network: true"]
    refused(exchanged(address, request("OPTIONS", "/v1/embeddings", *lines, *wanted)), 403)
    refused(exchanged(address, request("POST", "/v1/embeddings", JSON, *lines, body=EMBED)), 403)
    refused(exchanged(address, request("DELETE", "/v1/models", *lines)), 403)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_a_form_can_send_is_no_request(address, kind):
    typed = [f"Content-Type: {kind}"] if kind else []
    refused(exchanged(address, request("POST", "/v1/embeddings", *typed, body=EMBED)), 415)


def test_an_upgrade_is_not_made(read):
    upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    assert status_of(read("Connection: Upgrade", *upgrade)) == 200  # as if it had not been asked for


def test_what_can_be_read_is_no_script_and_in_no_frame(read):
    head, _, body = read().partition(b"\r\n\r\n")
    assert all(header in head for header in (*PROTECTED, b"content-type: application/json"))
    assert json.loads(body)
