"""Where a server listens, under which names it may be reached, and that it runs until it is stopped."""

import ipaddress
import logging
import os
import socket
from typing import NamedTuple

import uvicorn
from starlette.types import ASGIApp

from kosbert.apps.serving.connections import BACKLOG, BoundedConnection
from kosbert.errors import KosbertError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Place(NamedTuple):
    """Where a server listens.

    Attributes:
        address: its address, as a browser or a client takes it.
        hosts: the host names under which clients may reach it, against DNS rebinding; any, if None.
    """

    address: str
    hosts: tuple[str, ...] | None


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens on a port; on any free one for port 0.

    Raises:
        KosbertError: there is no such host, or the port is not free.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except UnicodeError as error:
        raise KosbertError(f"{host[:80]}: not a valid host name") from error
    except OSError as error:
        code = error.errno or 0  # the library adds an address to the system's message
        reason = os.strerror(code) if code > 0 else error.strerror or error
        raise KosbertError(f"{host}:{port}: {reason}; choose another --host or --port") from error


def place_of(sock: socket.socket, host: str) -> Place:
    """Return where a socket listens.

    Args:
        sock: the socket.
        host: the host that it was opened for.
    """
    address, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    hosts = (*LOOPBACK, shown) if ipaddress.ip_address(address).is_loopback else None
    return Place(f"http://{shown}:{port}", hosts)


def server_of(app: ASGIApp) -> uvicorn.Server:
    """Return a server of an application, which slow clients and many of them do not stop.

    What strangers send wrong is told to them alone, so it cannot fill the log.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        access_log=False,
        log_level="error",
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    return uvicorn.Server(config)


def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Serve until Ctrl-C."""
    server_of(app).run(sockets=[sock])
