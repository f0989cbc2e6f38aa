"""A server on a port: where it listens, and how it ends."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.serving import exchanged, request, status_of

from kosbert.apps.serving.listening import LOOPBACK, listen, place_of
from kosbert.errors import KosbertError

# A server whose only request does not end, also where Ctrl-C has come.
ENDLESS = """
import asyncio
from kosbert.apps.serving.guard import SecurityMiddleware
from kosbert.apps.serving.listening import listen, serve
from kosbert.apps.serving.refusals import error_response

async def endless(scope, receive, send):
    assert scope["type"] == "http"
    print("begun", flush=True)
    await asyncio.sleep(60)

with listen("127.0.0.1", 0) as sock:
    print(sock.getsockname()[1], flush=True)
    try:
        serve(SecurityMiddleware(endless, max_body=9, refuse=error_response, hosts=None), sock)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_loopback_address_is_reached_by_its_names_alone(host):
    with listen(host, 0) as sock:
        port, place = sock.getsockname()[1], place_of(sock, host)
    shown = "[::1]" if host == "::1" else host
    assert place == (f"http://{shown}:{port}", (*LOOPBACK, shown))


def test_another_address_is_reached_by_any_name():
    with listen("0.0.0.0", 0) as sock:  # noqa: S104 - nothing answers there
        assert place_of(sock, "0.0.0.0").hosts is None  # noqa: S104


def test_a_host_that_is_none_is_one_line():
    with pytest.raises(KosbertError, match=r"^no\.such\.host\.invalid:0: .*; choose another --host or --port$"):
        listen("no.such.host.invalid", 0)


@pytest.mark.parametrize("lines", [(), ("Content-Length: 9",)], ids=["a request", "half a request"])
def test_ctrl_c_ends_it_in_the_middle_of(lines):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", ENDLESS], **pipes) as process, ThreadPoolExecutor(1) as pool:
        address = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        answer = pool.submit(exchanged, address, request("POST", "/", *lines))
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert status_of(answer.result()) == 503
    assert json.loads(answer.result().partition(b"\r\n\r\n")[2])["error"]["message"] == "The server is shutting down"
    assert (process.returncode, output) == (0, "stopped\n")
    assert "Traceback" not in errors
