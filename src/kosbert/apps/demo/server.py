"""The engine as a JSON interface, and the page that uses it."""

import os
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import uvicorn
from anyio import CapacityLimiter
from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field, StringConstraints
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from kosbert.apps.demo import limits
from kosbert.apps.demo.engine import Corpus, Engine
from kosbert.apps.demo.guard import Gate, Guard
from kosbert.apps.demo.limits import RefusalError
from kosbert.errors import KosbertError

PAGE = Path(__file__).parent / "page"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
CONNECTIONS = 200

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.CHARACTERS)]
# What pydantic finds amiss, as our codes.
CODES = {"string_too_short": "empty", "string_too_long": "long", "too_short": "few", "too_long": "many"}


class CorpusShown(BaseModel):
    """A corpus: without its sentences, but for a few as examples."""

    token: str = Field(description='What names it in a search; "" is the one of the start')
    name: str = Field(description='"" is the built-in one')
    size: int = Field(description="Sentences")
    samples: list[str]


class About(BaseModel):
    """What runs, and what it takes at most."""

    model: str
    dimensions: int
    version: str
    corpus: CorpusShown
    limits: dict[str, int]


class SearchQuery(BaseModel):
    """A search."""

    query: Sentence
    corpus: str = Field(default="", max_length=100, description='A token of an upload; "" is the corpus of the start')
    top: int = Field(default=5, ge=1, le=limits.TOP)


class HitShown(BaseModel):
    """A sentence found."""

    row: int = Field(description="In the corpus, from 0")
    text: str
    score: float = Field(description="Cosine")


class Found(BaseModel):
    """The nearest sentences, the nearest first."""

    corpus: CorpusShown
    hits: list[HitShown]


class Pair(BaseModel):
    """Two sentences."""

    first: Sentence
    second: Sentence


class Similarity(BaseModel):
    """How alike they are."""

    cosine: float


class ToCluster(BaseModel):
    """Sentences to group."""

    sentences: list[Sentence] = Field(min_length=2, max_length=limits.CLUSTERED)
    groups: int | None = Field(default=None, ge=2, le=limits.GROUPS, description="null: as many as fit best")


class Clustered(BaseModel):
    """Groups of rows, each with its most central first, and a point of a map in [-1, 1] for each sentence."""

    groups: list[list[int]]
    points: list[tuple[float, float]]


class Problem(BaseModel):
    """Why there is no answer."""

    code: str
    message: str


def create_app(engine: Engine, *, hosts: tuple[str, ...] | None = LOOPBACK, gate: Gate | None = None) -> FastAPI:
    """Return the demo as a web application.

    Args:
        engine: what it does.
        hosts: the names under which browsers may ask for it, against DNS rebinding; None is any.
        gate: how much work it takes at once.
    """
    turns = gate or Gate()
    reading = CapacityLimiter(1)  # an upload at a time: they are the longest jobs
    problems: dict[int | str, dict[str, object]] = {code: {"model": Problem} for code in (413, 422, 503)}
    # FastAPI can send traces and metrics elsewhere if the environment says so: not from here.
    silent = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
    app = FastAPI(
        title="KoSentenceBERT demo",
        description=f"Search, similarity and clusters of Korean sentences. Model: {engine.model}.",
        version=version("kosbert"),
        docs_url=None,
        redoc_url=None,
        telemetry=silent,  # type: ignore[arg-type]
        responses=problems,
    )
    if hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*hosts], www_redirect=False)
    app.add_middleware(Guard)
    _explain_errors(app)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html")

    app.mount("/page", StaticFiles(directory=PAGE))

    @app.get("/api/about")
    def about() -> About:
        """Tell which model runs, and the limits."""
        return About(
            model=engine.model,
            dimensions=engine.dimensions,
            version=app.version,
            corpus=_shown(engine.corpus),
            limits={
                name: getattr(limits, name.upper())
                for name in ("body", "characters", "sentences", "clustered", "groups", "top", "minutes")
            },
        )

    @app.post("/api/search")
    async def search(asked: SearchQuery) -> Found:
        """Find the sentences of a corpus that are nearest to a query."""
        corpus, hits = await turns.run(lambda: engine.search(asked.query, top=asked.top, token=asked.corpus))
        shown = [HitShown(row=int(hit.row), text=hit.text, score=float(hit.score)) for hit in hits]
        return Found(corpus=_shown(corpus), hits=shown)

    @app.post("/api/similarity")
    async def similarity(pair: Pair) -> Similarity:
        """Tell how alike two sentences are in meaning."""
        return Similarity(cosine=await turns.run(lambda: engine.similarity(pair.first, pair.second)))

    @app.post("/api/cluster")
    async def cluster(asked: ToCluster) -> Clustered:
        """Group sentences by meaning, and lay them out on a map."""
        found = await turns.run(lambda: engine.cluster(asked.sentences, asked.groups))
        return Clustered(groups=found.groups, points=found.points)

    @app.post("/api/corpora")
    async def upload(
        file: Annotated[UploadFile, File(description=".txt (a sentence a line), .tsv, .csv or .parquet, in UTF-8")],
        column: Annotated[str | None, Form(max_length=200, description="Of a table with several columns")] = None,
    ) -> CorpusShown:
        """Take a file as a corpus; it stays in memory until it is out of use for a while."""
        name = Path(file.filename or "").name[:80]
        corpus = await turns.run(lambda: engine.upload(name, file.file, column or None), limiter=reading)
        return _shown(corpus)

    return app


def _shown(corpus: Corpus) -> CorpusShown:
    return CorpusShown(token=corpus.token, name=corpus.name, size=corpus.size, samples=corpus.samples)


def _explain_errors(app: FastAPI) -> None:
    """Answer every error with a code and one line."""

    def problem(status: int, code: str, message: str, **details: object) -> JSONResponse:
        headers = {"Retry-After": "2"} if status == 503 else None  # noqa: PLR2004 - HTTP's
        return JSONResponse({"code": code, "message": message, **details}, status, headers=headers)

    @app.exception_handler(RefusalError)
    async def refused(_: Request, error: RefusalError) -> JSONResponse:
        return problem(error.status, error.code, error.message, **error.details)

    @app.exception_handler(KosbertError)
    async def failed(_: Request, error: KosbertError) -> JSONResponse:
        return problem(422, "failed", error.message)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        place = {"number": first["loc"][2] + 1} if len(first["loc"]) == 3 else {}  # noqa: PLR2004 - body, list, row
        limit = first.get("ctx", {}).get("max_length")
        code = CODES.get(first["type"], "request")
        return problem(422, code, f"{where}: {first['msg']}", **place, **({"limit": limit} if limit else {}))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        code = "large" if error.status_code == 413 else "request"  # noqa: PLR2004 - HTTP's
        return problem(error.status_code, code, str(error.detail))


def listen(host: str, port: int) -> socket.socket:
    """Take a port; 0 is any that is free.

    Raises:
        KosbertError: it cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except UnicodeError as error:
        raise KosbertError(f"{host[:80]}: no name of a host") from error
    except OSError as error:
        code = error.errno or 0  # the library adds an address of its own to what the system says
        reason = os.strerror(code) if code > 0 else error.strerror or error
        raise KosbertError(f"{host}:{port}: {reason}; choose another --host or --port") from error


def serve(app: FastAPI, place: socket.socket) -> None:
    """Serve until Ctrl-C."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[place])
