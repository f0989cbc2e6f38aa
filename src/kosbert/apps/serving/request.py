"""Read the body of a request for embeddings: what is not exactly understood is refused, and named."""

import json
from typing import Any, Literal, NamedTuple, NoReturn

from kosbert.apps.serving.refusals import ApiError
from kosbert.data.tables import is_blank
from kosbert.errors import one_line
from kosbert.inference.encoder import SURROGATE

MAX_TEXTS = 2_048  # of a request, as OpenAI has it
MAX_CHARACTERS = 1 << 18  # of a text; more than any model reads, and their tokens would fill the memory
SHOWN = 80  # characters of what a client sent that a message repeats
MANY = 10**18  # a number with more digits is not repeated
KEYS = ("input", "model", "encoding_format", "dimensions", "user")
KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
TOKENS = (
    "input: token ids are not supported, because another model's tokenizer made them; send texts "
    "(LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))"
)

EncodingFormat = Literal["float", "base64"]


class EmbeddingsRequest(NamedTuple):
    """Texts to embed, and in which form their embeddings are wanted.

    Attributes:
        texts: at least one text, and none that is blank.
        model: the model's name.
        encoding_format: a list of numbers, or their bytes (little-endian float32) in base64.
        dimensions: the number of dimensions to keep; all if None.
    """

    texts: list[str]
    model: str
    encoding_format: EncodingFormat
    dimensions: int | None


def read_request(body: bytes, *, dimensions: int) -> EmbeddingsRequest:
    """Read a request.

    Args:
        body: the body, as JSON.
        dimensions: how many dimensions the model has.

    Raises:
        ApiError: the body is no such request.
    """
    values = _values(body)
    model = values.get("model")
    if not isinstance(model, str) or not model:
        raise _missing("model") if model is None else _wrong("model", "the name of the model", model)
    return EmbeddingsRequest(
        _texts(values.get("input")),
        model,
        _encoding_format(values.get("encoding_format")),
        _dimensions(values.get("dimensions"), dimensions),
    )


def _values(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else one_line(error, SHOWN)
        raise ApiError(f"The request body is not valid JSON: {reason}") from error
    if not isinstance(values, dict):
        raise ApiError(f"The request body: expected a JSON object, found {_kind(values)}")
    # A key that is not known may ask for other embeddings than ours; null asks for nothing.
    for key in (key for key in values.keys() - {*KEYS} if values[key] is not None):
        shown = one_line(key, SHOWN)
        raise ApiError(
            f"Unknown parameter: '{shown}'; expected {', '.join(KEYS)}", param=shown, code="unknown_parameter"
        )
    return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _texts(given: Any) -> list[str]:  # noqa: ANN401 - as JSON has it
    if isinstance(given, str):
        _check_text("input", given)
        return [given]
    if given is None:
        raise _missing("input")
    if not isinstance(given, list):
        raise _wrong("input", "a text or a list of texts", given)
    if not 1 <= len(given) <= MAX_TEXTS:
        raise ApiError(f"input: {len(given):,} texts; expected 1 to {MAX_TEXTS:,}", param="input")
    first = given[0][0] if isinstance(given[0], list) and given[0] else given[0]
    if type(first) is int:
        raise ApiError(TOKENS, param="input")
    for row, text in enumerate(given):
        if not isinstance(text, str):
            raise _wrong("input", "a text", text, row)
        _check_text(f"input[{row}]", text)
    return given


def _check_text(where: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        message = f"{where}: {len(text):,} characters; the limit is {MAX_CHARACTERS:,}"
        raise ApiError(message, param="input", code="string_above_max_length")
    if is_blank(text):
        raise ApiError(f"{where}: the text is blank", param="input")
    if SURROGATE.search(text):
        raise ApiError(f"{where}: a lone surrogate, which is not a character", param="input")


def _encoding_format(given: Any) -> EncodingFormat:  # noqa: ANN401
    if given is None or given == "float":
        return "float"
    if given == "base64":
        return "base64"
    raise _wrong("encoding_format", "float or base64", given)


def _dimensions(given: Any, most: int) -> int | None:  # noqa: ANN401
    if given is None:
        return None
    if type(given) is not int or not 1 <= given <= most:
        raise _wrong("dimensions", f"a whole number from 1 to {most}", given)
    return given


def _missing(param: str) -> ApiError:
    return ApiError(f"Missing required parameter: '{param}'", param=param, code="missing_required_parameter")


def _wrong(param: str, expected: str, found: Any, row: int | None = None) -> ApiError:  # noqa: ANN401
    where = param if row is None else f"{param}[{row}]"
    return ApiError(f"{where}: expected {expected}, found {_kind(found)}", param=param)


def _kind(value: Any) -> str:  # noqa: ANN401
    """Say what a value is, with the value itself where that is short."""
    if value is None:
        return "null"
    kind = KINDS[type(value)]
    if isinstance(value, list | dict):
        return kind
    if isinstance(value, str):
        return f"{kind} ('{one_line(value[:SHOWN])}')"
    return f"{kind} ({json.dumps(value)})" if isinstance(value, float) or -MANY < value < MANY else kind
