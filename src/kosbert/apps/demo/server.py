"""The engine's JSON interface, and the page that uses it."""

from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from kosbert.apps.demo import limits
from kosbert.apps.demo.engine import Corpus, Engine
from kosbert.apps.demo.limits import RefusalError
from kosbert.apps.serving import app as serving
from kosbert.apps.serving.guard import NO_TELEMETRY, ConcurrencyLimiter, SecurityMiddleware, crashed
from kosbert.apps.serving.listening import LOOPBACK
from kosbert.apps.serving.model import ServedModel
from kosbert.data.tables import is_blank
from kosbert.errors import KosbertError, one_line

PAGE = Path(__file__).parent / "page"
HTTP_CODES = {413: "large", 500: "failed", 503: "busy"}
NAME = 80  # characters of a file's name


def _filled(sentence: str) -> str:
    if is_blank(sentence):
        raise PydanticCustomError("string_too_short", "String should have characters that show something")
    return sentence


Sentence = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.CHARACTERS),
    AfterValidator(_filled),
]
StsScore = Annotated[
    float | None,
    Field(
        description="The cosine as a score from 0 (unrelated) to 5 (equivalent); null if the model has no calibration"
    ),
]
Truncated = Annotated[int, Field(description="Number of sentences with more tokens than the model reads")]
# Our codes for pydantic's kinds of errors.
CODES = {"string_too_short": "empty", "string_too_long": "long", "too_short": "few", "too_long": "many"}


class CorpusResponse(BaseModel):
    """A corpus, with a few of its sentences as examples."""

    token: str = Field(description="Names the corpus in a search; empty for the initial corpus")
    name: str = Field(description="Empty for the built-in corpus")
    size: int = Field(description="Number of sentences")
    truncated: Truncated
    samples: list[str]


class AboutResponse(BaseModel):
    """The model that runs, and the limits."""

    model: str
    dimensions: int
    max_length: int | None = Field(description="Number of tokens that the model reads of a sentence; null: all")
    match: float | None = Field(
        description="Cosine above which two sentences are more likely a match (a score of 3 or more) than not; null if "
        "the model has no calibration"
    )
    version: str
    corpus: CorpusResponse
    limits: dict[str, int]


class SearchRequest(BaseModel):
    """A search."""

    query: Sentence
    corpus: str = Field(default="", max_length=100, description="Token of an upload; empty for the initial corpus")
    top: int = Field(default=5, ge=1, le=limits.TOP)


class SearchHit(BaseModel):
    """A sentence found."""

    row: int = Field(description="Row in the corpus, counted from 0")
    text: str
    score: float = Field(description="Cosine similarity to the query")
    sts_score: StsScore


class SearchResponse(BaseModel):
    """The nearest sentences, the nearest first."""

    corpus: CorpusResponse
    hits: list[SearchHit]
    truncated: Truncated


class SimilarityRequest(BaseModel):
    """Two sentences."""

    first: Sentence
    second: Sentence


class SimilarityResponse(BaseModel):
    """The cosine of two sentences, and the score that it stands for."""

    cosine: float
    sts_score: StsScore
    truncated: Truncated


class ClusterRequest(BaseModel):
    """Sentences to group."""

    sentences: list[Sentence] = Field(min_length=2, max_length=limits.CLUSTERED)
    groups: int | None = Field(default=None, ge=2, le=limits.GROUPS, description="Number of groups; null: the best one")


class ClusterResponse(BaseModel):
    """Groups of rows, each with its most central row first, and a point in [-1, 1] for each sentence."""

    groups: list[list[int]]
    points: list[tuple[float, float]]
    truncated: Truncated


class ErrorResponse(BaseModel):
    """The reason why a request failed."""

    code: str
    message: str


def create_app(
    engine: Engine,
    *,
    hosts: tuple[str, ...] | None = LOOPBACK,
    api_key: str = "",
    jobs: ConcurrencyLimiter | None = None,
) -> ASGIApp:
    """Return the demo as a web application, which also has OpenAI's embeddings API.

    Args:
        engine: the engine.
        hosts: the host names under which browsers may reach it, against DNS rebinding; any, if None.
        api_key: what clients of OpenAI's API have to send as their API key; nothing, if empty.
        jobs: the limiter of concurrent jobs.
    """
    jobs = jobs or ConcurrencyLimiter()
    model = ServedModel(engine.encoder, name=engine.model)
    embeddings = serving.create_app(model, hosts=hosts, api_key=api_key, jobs=jobs)
    demo = _create_demo(engine, hosts, jobs)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")  # each of the two has limits and errors of its own
        chosen = embeddings if path == "/health" or path.startswith("/v1/") else demo
        await chosen(scope, receive, send)

    return app


def _create_demo(engine: Engine, hosts: tuple[str, ...] | None, jobs: ConcurrencyLimiter) -> FastAPI:
    """Return the demo alone: its page and its own JSON interface."""
    uploads = CapacityLimiter(1)  # they are the longest jobs, so they run one at a time
    errors: dict[int | str, dict[str, object]] = {status: {"model": ErrorResponse} for status in (413, 422, 503)}
    app = FastAPI(
        title="KoSentenceBERT demo",
        description=f"Search, similarity and clusters of Korean sentences. Model: {engine.model}.",
        version=version("kosbert"),
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,  # type: ignore[arg-type]
        responses=errors,
    )
    app.add_middleware(SecurityMiddleware, max_body=limits.BODY, refuse=_refused, hosts=hosts)
    _handle_errors(app)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html")

    app.mount("/page", StaticFiles(directory=PAGE))

    @app.get("/api/about")
    def about() -> AboutResponse:
        """Return the model and the limits."""
        return AboutResponse(
            model=engine.model,
            dimensions=engine.dimensions,
            max_length=engine.max_length,
            match=engine.match,
            version=app.version,
            corpus=_corpus_response(engine.corpus),
            limits={
                name: getattr(limits, name.upper())
                for name in ("body", "characters", "sentences", "clustered", "groups", "top", "minutes")
            },
        )

    @app.post("/api/search")
    async def search(request: SearchRequest) -> SearchResponse:
        """Find the sentences of a corpus that are nearest to a query."""
        return await jobs.run(partial(_search, engine, request))

    @app.post("/api/similarity")
    async def similarity(request: SimilarityRequest) -> SimilarityResponse:
        """Compute how similar two sentences are in meaning."""
        return await jobs.run(partial(_similarity, engine, request))

    @app.post("/api/cluster")
    async def cluster(request: ClusterRequest) -> ClusterResponse:
        """Group sentences by meaning, and lay them out on a map."""
        return await jobs.run(partial(_cluster, engine, request))

    @app.post("/api/corpora")
    async def upload(
        file: Annotated[UploadFile, File(description="Text file (one sentence per line) or table")],
        column: Annotated[str | None, Form(max_length=200, description="Column with the sentences, in a table")] = None,
    ) -> CorpusResponse:
        """Upload a file as a corpus; it stays in memory until it has not been used for a while."""
        name = _shown_name(file.filename or "")
        corpus = await jobs.run(lambda: engine.upload(name, file.file, column or None), limiter=uploads)
        return _corpus_response(corpus)

    return app


def _shown_name(filename: str) -> str:
    """Return the name of a file as the page may show it: a short one, without its folder, but with its ending."""
    path = Path(one_line(filename))
    return f"{one_line(path.stem, NAME)}{path.suffix[:NAME]}"


def _search(engine: Engine, request: SearchRequest) -> SearchResponse:
    corpus, hits = engine.search(request.query, top=request.top, token=request.corpus)
    return SearchResponse(
        corpus=_corpus_response(corpus),
        hits=[SearchHit(**asdict(hit), sts_score=engine.sts_score(hit.score)) for hit in hits],
        truncated=engine.count_truncated([request.query]),
    )


def _similarity(engine: Engine, request: SimilarityRequest) -> SimilarityResponse:
    cosine, pair = engine.similarity(request.first, request.second), [request.first, request.second]
    return SimilarityResponse(cosine=cosine, sts_score=engine.sts_score(cosine), truncated=engine.count_truncated(pair))


def _cluster(engine: Engine, request: ClusterRequest) -> ClusterResponse:
    clusters = engine.cluster(request.sentences, request.groups)
    return ClusterResponse(**asdict(clusters), truncated=engine.count_truncated(request.sentences))


def _corpus_response(corpus: Corpus) -> CorpusResponse:
    return CorpusResponse(**{name: getattr(corpus, name) for name in CorpusResponse.model_fields})


def _refused(error: HTTPException) -> JSONResponse:
    code = HTTP_CODES.get(error.status_code, "request")
    return JSONResponse({"code": code, "message": str(error.detail)}, error.status_code, headers=error.headers)


def _handle_errors(app: FastAPI) -> None:
    """Respond to every error with a code and one line."""

    def respond(status: int, code: str, message: str, **details: object) -> JSONResponse:
        return JSONResponse({"code": code, "message": message, **details}, status)

    @app.exception_handler(RefusalError)
    async def refused(_: Request, error: RefusalError) -> JSONResponse:
        return respond(error.status, error.code, error.message, **error.details)

    @app.exception_handler(KosbertError)
    async def failed(_: Request, error: KosbertError) -> JSONResponse:
        return respond(422, "failed", error.message)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        details = {"number": first["loc"][2] + 1} if len(first["loc"]) == 3 else {}  # noqa: PLR2004 - body, list, row
        if limit := first.get("ctx", {}).get("max_length"):
            details["limit"] = limit
        return respond(422, CODES.get(first["type"], "request"), f"{field}: {first['msg']}", **details)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return _refused(error)

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        return _refused(crashed())
