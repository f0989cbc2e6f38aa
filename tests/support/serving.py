"""A web application on a real port, and clients that write what they like to it."""

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from kosbert.apps.serving.listening import listen, server_of


@contextmanager
def running(app):
    """Run an application as the commands do, and yield its address."""
    sock = listen("127.0.0.1", 0)
    server = server_of(app)
    thread = threading.Thread(target=lambda: server.run(sockets=[sock]))
    thread.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def connected(address, timeout=10):
    """Return a socket that is connected to an address."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout)


def rest(sock):
    """Return all that comes on a connection until the server closes it."""
    received = b""
    with suppress(ConnectionError):
        while part := sock.recv(1 << 16):
            received += part
    return received


def exchanged(address, data):
    """Send bytes on a connection of their own, and return all that comes back until the server closes it."""
    with connected(address) as sock:
        with suppress(ConnectionError):  # the server may have read enough
            sock.sendall(data)
        return rest(sock)


def request(method, path, *lines, body=b"", host="127.0.0.1"):
    """Return the bytes of a request, after which the connection ends."""
    head = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *lines, "Connection: close"]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


def status_of(response):
    """Return the status of a response that came as bytes."""
    return int(response.split(b" ", 2)[1])
