"""What stands between clients and a model: who may ask, protecting headers, limits of size and time, and few jobs."""

import asyncio
import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter, current_time, fail_after, move_on_after, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kosbert.apps.serving.origins import check_host, check_site

Result = TypeVar("Result")
Refuse = Callable[[HTTPException], Response]  # an error in the format of a server

MAX_CONCURRENT = 2  # jobs; the model itself does one at a time
MAX_WAITING = 64  # requests; more are refused
MAX_BODIES = 16  # bodies of full size that are in memory at once
DRAIN_SECONDS = 2  # in which the rest of a request is read that was refused
REQUEST_SECONDS = 60  # in which a client has to send the body of a request
BUSY = "Too many requests at once; try again in a moment"
FAILED = "Internal server error; see the server's log"
RETRY_LATER = {"Retry-After": "2"}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
# FastAPI could send traces and metrics elsewhere if the environment says so; never from here.
NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def crashed() -> HTTPException:
    """Return the error of a server with a mistake in it, which its log has; the connection ends with it."""
    return HTTPException(500, FAILED, HEADERS | {"Connection": "close"})


def busy() -> HTTPException:
    """Return the error of a server that has too much to do."""
    return HTTPException(503, BUSY, RETRY_LATER)


class ConcurrencyLimiter:
    """Run jobs in threads, a few at a time; some more may wait, and others are refused at once."""

    def __init__(self, max_concurrent: int = MAX_CONCURRENT, max_waiting: int = MAX_WAITING) -> None:
        self._limiter = CapacityLimiter(max_concurrent)
        self._max_pending = max_concurrent + max_waiting
        self._pending = 0

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request among those that run or wait, for as long as it takes.

        Raises:
            HTTPException: there are too many (503).
        """
        if self._pending >= self._max_pending:
            raise busy()
        self._pending += 1
        try:
            yield
        finally:
            self._pending -= 1

    async def step(self, job: Callable[[], Result], *, limiter: CapacityLimiter | None = None) -> Result:
        """Run a job of an admitted request in a thread, when its turn comes, and return its result.

        Args:
            job: the job.
            limiter: a queue of its own for jobs that take long; the common one if None.
        """
        return await to_thread.run_sync(job, limiter=limiter or self._limiter)

    async def run(self, job: Callable[[], Result], *, limiter: CapacityLimiter | None = None) -> Result:
        """Run the only job of a request; see `step`.

        Raises:
            HTTPException: too many requests run or wait (503).
        """
        with self.admitted():
            return await self.step(job, limiter=limiter)


async def _drain(receive: Receive) -> None:
    """Read the rest of a request for a moment."""
    with move_on_after(DRAIN_SECONDS):
        while (await receive()).get("more_body", False):
            pass


class SecurityMiddleware:
    """Refuse requests under other names and of other sites, and bodies that are too large or too slow; add headers.

    Args:
        app: the application.
        max_body: the most bytes of a request.
        refuse: makes a response of an error.
        hosts: the host names under which clients may reach it, against DNS rebinding; any, if None.
    """

    def __init__(self, app: ASGIApp, *, max_body: int, refuse: Refuse, hosts: Collection[str] | None) -> None:
        self._app, self._max_body, self._refuse, self._hosts = app, max_body, refuse, hosts
        self._held = 0  # bytes of all requests that have not been answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = complete = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            elif not complete and not message.get("more_body", False):  # who still sends would not see the response
                await send({**message, "more_body": True})
                await _drain(receive)
                message = {"type": "http.response.body"}
            await send(message)

        async def receive_noted() -> Message:
            nonlocal complete
            message = await receive()
            complete = not message.get("more_body", False)
            return message

        try:
            self._check(scope["method"], Headers(scope=scope))
            with self._limited(receive_noted) as receive_limited:
                await self._app(scope, receive_limited, send_with_headers)
        except HTTPException as error:
            await self._refuse(error)(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass  # nobody reads a response
        except asyncio.CancelledError:
            if begun:
                raise
            complete = True  # nothing more is read
            stopped = HTTPException(503, "The server is shutting down", RETRY_LATER)
            await self._refuse(stopped)(scope, receive, send_with_headers)

    def _check(self, method: str, headers: Headers) -> None:
        """Check all that can be checked before the body.

        Raises:
            HTTPException: the request is refused.
        """
        if self._hosts is not None:
            check_host(headers, self._hosts)
        check_site(method, headers)
        length = headers.get("content-length", "0")
        if "content-length" in headers and "transfer-encoding" in headers:  # others may read two requests in it
            message = "A request cannot have both Content-Length and Transfer-Encoding"
            raise HTTPException(400, message, {"Connection": "close"})
        if length.isdecimal() and int(length[:20]) > self._max_body:
            raise self._too_large()

    @contextmanager
    def _limited(self, receive: Receive) -> Iterator[Receive]:
        """Yield what receives a body of a limited size in a limited time; it is among those held until the end."""
        received, end = 0, current_time() + REQUEST_SECONDS

        async def receive_limited() -> Message:
            nonlocal received, end
            try:
                with fail_after(end - current_time()):
                    message = await receive()
            except TimeoutError as error:
                raise self._too_slow() from error
            if not message.get("more_body", False):
                end = math.inf  # from now on, it only waits for the client to go
            size = len(message.get("body", b""))
            received, self._held = received + size, self._held + size
            if received > self._max_body:
                raise self._too_large()  # the header did not give the length; no response has begun yet
            if self._held > MAX_BODIES * self._max_body:
                raise busy()
            return message

        try:
            yield receive_limited
        finally:
            self._held -= received

    def _too_large(self) -> HTTPException:
        message = f"The request is too large; the limit is {self._max_body:,} bytes"
        return HTTPException(413, message, {"Connection": "close"})

    def _too_slow(self) -> HTTPException:
        message = f"The request took too long; the limit is {REQUEST_SECONDS:,} seconds"
        return HTTPException(408, message, {"Connection": "close"})
