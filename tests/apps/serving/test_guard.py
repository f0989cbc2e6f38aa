"""What stands before every server: limits that hold however requests come."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from kosbert.apps.serving import guard
from kosbert.apps.serving.guard import ConcurrencyLimiter, SecurityMiddleware


def refuse(error):
    return PlainTextResponse(str(error.detail), error.status_code, headers=error.headers)


async def status_of(middleware, chunks):
    """Send a request in chunks, and return the status of the response."""
    left, sent = [*chunks], []

    async def receive():
        await asyncio.sleep(0)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    await middleware({"type": "http", "method": "POST", "headers": []}, receive, send)
    return sent[0]["status"]


def test_bodies_that_would_fill_the_memory_together_are_sent_away(monkeypatch):
    monkeypatch.setattr(guard, "MAX_BODIES", 2)

    async def scenario():
        go_on = asyncio.Event()

        async def app(scope, receive, send):
            while (await receive())["more_body"]:
                pass
            await go_on.wait()
            await PlainTextResponse("done")(scope, receive, send)

        middleware = SecurityMiddleware(app, max_body=100, refuse=refuse, hosts=None)
        waiting = [asyncio.create_task(status_of(middleware, [b"x" * 50, b"x" * 50])) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert await status_of(middleware, [b"x"]) == 503
        assert await status_of(middleware, [b"x" * 101]) == 413
        go_on.set()
        assert await asyncio.gather(*waiting) == [200, 200]
        assert await status_of(middleware, [b"x" * 50, b"x" * 50]) == 200  # what was held has been given back
        assert await status_of(middleware, [b"x" * 50, b"x" * 51]) == 413

    asyncio.run(scenario())


def test_a_place_is_given_back_also_by_a_job_that_fails():
    def fail():
        raise ValueError

    async def scenario():
        jobs = ConcurrencyLimiter(max_concurrent=1, max_waiting=0)
        with pytest.raises(ValueError):
            await jobs.run(fail)
        with jobs.admitted():
            with pytest.raises(HTTPException) as caught:
                await jobs.run(int)
            assert caught.value.status_code == 503
        assert await jobs.run(int) == 0

    asyncio.run(scenario())
