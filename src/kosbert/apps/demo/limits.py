"""The demo's limits, and the one error that a request is refused with."""

from typing import Any

from kosbert.errors import KosbertError

BODY = 2 << 20  # bytes of a request
CHARACTERS = 1_000  # characters of a sentence
SENTENCES = 5_000  # sentences of an uploaded corpus
CLUSTERED = 500  # sentences that are clustered at once
GROUPS = 20  # clusters
TOP = 20  # hits
UPLOADS = 16  # uploaded corpora in memory
MEMORY = 128 << 20  # bytes of all uploaded corpora
MINUTES = 30  # minutes without use after which an uploaded corpus is forgotten


class RefusalError(KosbertError):
    """A request that the demo refuses.

    Args:
        code: the code by which the page chooses one of its own messages.
        message: one clear line in English.
        status: the status code of HTTP.
        details: the values that the page's message needs.
    """

    def __init__(self, code: str, message: str, *, status: int = 422, **details: object) -> None:
        super().__init__(message)
        self.code, self.status = code, status
        self.details: dict[str, Any] = details
