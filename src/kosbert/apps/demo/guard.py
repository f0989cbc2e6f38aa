"""What stands between browsers and the engine: protecting headers, size limits, and a limit on concurrent jobs."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kosbert.apps.demo.limits import BODY, RefusalError

Result = TypeVar("Result")

MAX_CONCURRENT = 2  # jobs; the model itself does one at a time
MAX_WAITING = 64  # jobs; more are refused
TOO_LARGE = f"The request is too large; the limit is {BODY:,} bytes"

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


class ConcurrencyLimiter:
    """Run jobs in threads, a few at a time; some more may wait, and others are refused at once."""

    def __init__(self, max_concurrent: int = MAX_CONCURRENT, max_waiting: int = MAX_WAITING) -> None:
        self._limiter = CapacityLimiter(max_concurrent)
        self._max_pending = max_concurrent + max_waiting
        self._pending = 0

    async def run(self, job: Callable[[], Result], *, limiter: CapacityLimiter | None = None) -> Result:
        """Run a job in a thread, and return its result.

        Args:
            job: the job.
            limiter: a queue of its own for jobs that take long; the common one if None.

        Raises:
            RefusalError: too many jobs are waiting.
        """
        if self._pending >= self._max_pending:
            raise RefusalError("busy", "Too many requests at once; try again in a moment", status=503)
        self._pending += 1
        try:
            return await to_thread.run_sync(job, limiter=limiter or self._limiter)
        finally:
            self._pending -= 1


class SecurityMiddleware:
    """Refuse bodies that are too large, by their header or as they arrive, and other sites' posts; add headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            received += len(message.get("body", b""))
            if received > BODY:
                raise HTTPException(413, TOO_LARGE)  # the header did not give the length; no response has begun yet
            return message

        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > BODY:
            error = {"code": "large", "message": TOO_LARGE}
            await JSONResponse(error, 413, headers={"Connection": "close"})(scope, receive, send_with_headers)
        elif scope["method"] == "POST" and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            error = {"code": "request", "message": "Requests from other sites are refused"}
            await JSONResponse(error, 403)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive_limited, send_with_headers)
