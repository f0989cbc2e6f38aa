"""Where a server listens, under which names it may be reached, and that it runs until it is stopped."""

import asyncio
import ipaddress
import os
import socket
from typing import NamedTuple

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kosbert.apps.serving.guard import RETRY_LATER
from kosbert.errors import KosbertError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MAX_CONNECTIONS = 200


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


def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Serve until Ctrl-C."""
    config = uvicorn.Config(
        _until_stopped(app),
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[sock])


def _until_stopped(app: ASGIApp) -> ASGIApp:
    """Return an application that tells clients so if it is stopped in the middle of their requests."""

    async def stoppable(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            await PlainTextResponse("The server is being stopped", 503, RETRY_LATER)(scope, receive, send)

    return stoppable
