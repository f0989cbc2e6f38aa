"""A server on a port: where it listens, and how it ends."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kosbert.apps.serving.listening import LOOPBACK, listen, place_of
from kosbert.errors import KosbertError

# A server whose only request does not end, also where Ctrl-C has come.
ENDLESS = """
import asyncio, sys
from starlette.applications import Starlette
from starlette.routing import Route
from kosbert.apps.serving.listening import listen, serve

async def endless(request):
    print("begun", flush=True)
    await asyncio.sleep(60)

with listen("127.0.0.1", 0) as sock:
    print(sock.getsockname()[1], flush=True)
    try:
        serve(Starlette(routes=[Route("/", endless)]), sock)
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


def test_ctrl_c_ends_it_in_the_middle_of_a_request():
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", ENDLESS], **pipes) as process, ThreadPoolExecutor(1) as pool:
        address = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        answer = pool.submit(httpx.get, address, timeout=30)
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert answer.result().status_code == 503
    assert (process.returncode, output) == (0, "stopped\n")
    assert "Traceback" not in errors
