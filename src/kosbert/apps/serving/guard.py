"""What stands between clients and a model: protecting headers, limits of size, and a limit on concurrent jobs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Result = TypeVar("Result")
Refuse = Callable[[HTTPException], Response]  # an error in the format of a server

MAX_CONCURRENT = 2  # jobs; the model itself does one at a time
MAX_WAITING = 64  # requests; more are refused
MAX_BODIES = 16  # bodies of full size that are in memory at once
BUSY = "Too many requests at once; try again in a moment"
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


class SecurityMiddleware:
    """Refuse bodies that are too large, by their header or as they arrive, and other sites' posts; add headers.

    Args:
        app: the application.
        max_body: the most bytes of a request.
        refuse: makes a response of an error.
    """

    def __init__(self, app: ASGIApp, *, max_body: int, refuse: Refuse) -> None:
        self._app, self._max_body, self._refuse = app, max_body, refuse
        self._held = 0  # bytes of all requests that have not been answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received, self._held = received + size, self._held + size
            if received > self._max_body:
                raise self._too_large()  # the header did not give the length; no response has begun yet
            if self._held > MAX_BODIES * self._max_body:
                raise busy()
            return message

        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        try:
            if length.isdecimal() and int(length[:20]) > self._max_body:
                await self._refuse(self._too_large())(scope, receive, send_with_headers)
            elif scope["method"] == "POST" and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                error = HTTPException(403, "Requests from other sites are refused")
                await self._refuse(error)(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive_limited, send_with_headers)
        finally:
            self._held -= received

    def _too_large(self) -> HTTPException:
        message = f"The request is too large; the limit is {self._max_body:,} bytes"
        return HTTPException(413, message, {"Connection": "close"})
