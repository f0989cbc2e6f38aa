"""A server of one model with OpenAI's embeddings API."""

import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from kosbert.apps.serving import schemas
from kosbert.apps.serving.guard import FAILED, NO_TELEMETRY, ConcurrencyLimiter, SecurityMiddleware, crashed
from kosbert.apps.serving.listening import LOOPBACK
from kosbert.apps.serving.model import ServedModel, turns
from kosbert.apps.serving.refusals import ApiError, error_response
from kosbert.apps.serving.reply import write_reply
from kosbert.apps.serving.request import SHOWN, read_request
from kosbert.errors import KosbertError, one_line

MAX_BODY = 8 << 20  # bytes of a request
JSON = "application/json"
KEY_WANTED = " Requests under /v1 need the server's API key: Authorization: Bearer KEY."
CLIENT_GONE = 499  # nobody reads it
EXAMPLE = ["오늘은 비가 온다.", "비가 내린다."]


def create_app(
    model: ServedModel,
    *,
    hosts: tuple[str, ...] | None = LOOPBACK,
    api_key: str = "",
    jobs: ConcurrencyLimiter | None = None,
) -> FastAPI:
    """Return a server of a model as a web application, whose paths are /health and those under /v1.

    Args:
        model: the model.
        hosts: the host names under which clients may reach it, against DNS rebinding; any, if None.
        api_key: what clients have to send as their API key under /v1; nothing, if empty.
        jobs: the limiter of concurrent jobs.
    """
    failures: dict[int | str, dict[str, object]] = {
        status: {"model": schemas.ApiErrorResponse} for status in ("4XX", "5XX")
    }
    app = FastAPI(
        title="KoSentenceBERT embeddings",
        description=f"OpenAI's embeddings API. Model: {model.name}.{KEY_WANTED if api_key else ''}",
        version=version("kosbert"),
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,  # type: ignore[arg-type]
        responses=failures,
    )
    app.add_middleware(SecurityMiddleware, max_body=MAX_BODY, refuse=error_response, hosts=hosts)
    _handle_errors(app)
    router = _routes(model, jobs or ConcurrencyLimiter())
    app.include_router(router, prefix="/v1", dependencies=[Depends(_key_check(api_key))] if api_key else [])

    @app.get("/health")
    async def health() -> schemas.Health:
        """Say that the server is up."""
        return schemas.Health()

    return app


def _routes(model: ServedModel, jobs: ConcurrencyLimiter) -> APIRouter:
    router = APIRouter()
    shown = schemas.Model(
        id=model.name, created=int(time.time()), dimensions=model.dimensions, max_length=model.max_length
    )
    example = {"input": EXAMPLE, "model": model.name}
    content = {JSON: {"schema": schemas.EmbeddingsBody.model_json_schema(), "example": example}}

    # The body is read by hand: in a thread, for it may be large, and with messages that OpenAI's clients show.
    @router.post(
        "/embeddings",
        response_class=Response,
        responses={200: {"model": schemas.EmbeddingsResponse}},
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def embeddings(request: Request) -> Response:
        """Return the embeddings of texts."""
        _check_content_type(request)
        body = await request.body()
        with jobs.admitted():
            return await _embed(request, body, model, jobs)

    @router.get("/models")
    async def models() -> schemas.ModelList:
        """List the model that is served."""
        return schemas.ModelList(data=[shown])

    @router.get("/models/{name:path}")
    async def one_model(name: Annotated[str, Path(examples=[model.name])]) -> schemas.Model:
        """Return the model that is served, by its name."""
        model.check_name(name)
        return shown

    return router


async def _embed(request: Request, body: bytes, model: ServedModel, jobs: ConcurrencyLimiter) -> Response:
    """Answer a request step by step: between two of them, other requests have their turn."""
    wanted = await jobs.step(partial(read_request, body, dimensions=model.dimensions))
    model.check_name(wanted.model)
    counts = [count for texts in turns(wanted.texts) for count in await jobs.step(partial(model.count_tokens, texts))]
    tokens = model.tokens_read(counts)
    parts = []
    for texts in turns(wanted.texts, tokens):
        if await request.is_disconnected():
            return Response(status_code=CLIENT_GONE)
        parts.append(await jobs.step(partial(model.encode, texts, wanted.dimensions)))

    def write() -> bytes:
        return write_reply(
            np.concatenate(parts), model=model.name, encoding_format=wanted.encoding_format, tokens=sum(tokens)
        )

    return Response(await jobs.step(write), media_type=JSON)


def _check_content_type(request: Request) -> None:
    found = request.headers.get("content-type", "nothing")
    if found.partition(";")[0].strip().lower() != JSON:
        message = f"Content-Type: expected {JSON}, found {one_line(found, SHOWN)}"
        raise ApiError(message, status=415, code="unsupported_content_type")


def _key_check(api_key: str) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        matches = hmac.compare_digest(given.strip().encode(), api_key.encode())  # in constant time
        if scheme.lower() != "bearer" or not matches:
            what = "Incorrect API key" if given else "No API key"
            message = f"{what}: send the server's KOSBERT_API_KEY as Authorization: Bearer KEY"
            raise ApiError(message, status=401, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})

    return check


def _handle_errors(app: FastAPI) -> None:
    """Respond to every error as OpenAI does."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        asked = f"{request.method} {one_line(request.url.path, SHOWN)}"
        if error.status_code == 405:  # noqa: PLR2004 - HTTP's
            error.detail = (
                f"{asked} is not allowed; the path accepts {(error.headers or {}).get('Allow', 'another method')}"
            )
        elif error.status_code == 404 and not isinstance(error, ApiError):  # noqa: PLR2004
            error.detail = f"{asked} does not exist; use POST /v1/embeddings"
        return error_response(error)

    @app.exception_handler(KosbertError)
    async def failed(_: Request, error: KosbertError) -> Response:
        logging.getLogger("uvicorn.error").error("%s", error.message)
        return error_response(HTTPException(500, FAILED))

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> Response:
        return error_response(crashed())
