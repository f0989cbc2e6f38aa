"""The API in the words of OpenAPI: what requests and responses hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from kosbert.apps.serving.request import MAX_TEXTS, EncodingFormat


class EmbeddingsBody(BaseModel):
    """Texts to embed."""

    input: str | Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS)] = Field(
        description="The texts, none of them blank; token ids are not supported"
    )
    model: str = Field(description="The name of the model, see /v1/models")
    encoding_format: EncodingFormat = Field(default="float", description="base64 encodes little-endian float32")
    dimensions: int | None = Field(
        default=None, ge=1, description="Number of dimensions to keep; the result is normalized. null: all"
    )
    user: str | None = Field(default=None, description="Not used")


class Embedding(BaseModel):
    """The embedding of a text."""

    object: Literal["embedding"]
    index: int = Field(description="Row of the text in input, counted from 0")
    embedding: list[float] | str


class Usage(BaseModel):
    """The number of tokens that were read, special ones and the model's prompt included."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """Embeddings in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """The model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="Start time of the server, in seconds since 1970")
    owned_by: str = "kosbert"
    dimensions: int
    max_length: int | None = Field(description="Number of tokens that the model reads of a text; null: all")


class ModelList(BaseModel):
    """The one model that is served."""

    object: Literal["list"] = "list"
    data: list[Model]


class Health(BaseModel):
    """The server is up."""

    status: Literal["ok"] = "ok"


class ErrorDetail(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ApiErrorResponse(BaseModel):
    """The reason for which a request failed."""

    error: ErrorDetail
