"""What stands before the engine: what a browser may do with our pages, what is too much, and who has to wait."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kosbert.apps.demo.limits import BODY, RefusalError

Answer = TypeVar("Answer")

AT_ONCE = 2  # jobs; the model itself does one at a time
WAITING = 64  # requests, before more are sent away
LARGE = f"The request is too large; at most {BODY:,} bytes are taken"

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


class Gate:
    """Work in threads, a few jobs at a time; some may wait, and the rest is sent away at once."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._limiter = CapacityLimiter(at_once)
        self._room = at_once + waiting
        self._inside = 0

    async def run(self, job: Callable[[], Answer], *, limiter: CapacityLimiter | None = None) -> Answer:
        """Return what a job returns, run in a thread.

        Args:
            job: what to do.
            limiter: a queue of its own for jobs that take long; if None, the common one.

        Raises:
            RefusalError: too many wait already.
        """
        if self._inside >= self._room:
            raise RefusalError("busy", "Too many requests at once; try again in a moment", status=503)
        self._inside += 1
        try:
            return await to_thread.run_sync(job, limiter=limiter or self._limiter)
        finally:
            self._inside -= 1


class Guard:
    """Refuse bodies that are too large, at once or while they come, and other sites' posts; add protecting headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY:
                raise HTTPException(413, LARGE)  # a body that did not say its length; nothing has been answered yet
            return message

        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > BODY:
            answer = {"code": "large", "message": LARGE}
            await JSONResponse(answer, 413, headers={"Connection": "close"})(scope, receive, protected)
        elif scope["method"] == "POST" and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            answer = {"code": "request", "message": "Requests from other sites are not taken"}
            await JSONResponse(answer, 403)(scope, receive, protected)
        else:
            await self._app(scope, counted, protected)
