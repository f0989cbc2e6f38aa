"""Errors in the format of OpenAI's API, from which its clients make exceptions."""

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

SERVER_ERROR = 500  # the first status that is not the client's fault
CODES = {405: "method_not_allowed", 413: "request_too_large", 500: "internal_error", 503: "overloaded"}


class ApiError(HTTPException):
    """A request that is refused.

    Args:
        message: one clear line.
        status: the status code of HTTP.
        param: the parameter that is wrong; None if it is none.
        code: OpenAI's name of the error; None if it has none.
        headers: headers that belong to the error.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.param, self.code = param, code


def error_response(error: HTTPException) -> JSONResponse:
    """Return the response that tells of an error."""
    status = error.status_code
    body = {
        "message": str(error.detail),
        "type": "server_error" if status >= SERVER_ERROR else "invalid_request_error",
        "param": getattr(error, "param", None),
        "code": getattr(error, "code", None) or CODES.get(status),
    }
    return JSONResponse({"error": body}, status, headers=error.headers)
