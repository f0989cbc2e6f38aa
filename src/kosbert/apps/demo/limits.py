"""What the demo takes at most, and the one error that says so."""

from typing import Any

from kosbert.errors import KosbertError

BODY = 2 << 20  # bytes of a request
CHARACTERS = 1_000  # of a sentence
SENTENCES = 5_000  # of an uploaded corpus
CLUSTERED = 500  # sentences at once
GROUPS = 20
TOP = 20  # hits
UPLOADS = 16  # corpora in memory
MEMORY = 128 << 20  # bytes of them all
MINUTES = 30  # after its last use, until an uploaded corpus is forgotten


class RefusalError(KosbertError):
    """What a user asked for and does not get.

    Args:
        code: tells the page which of its own messages to show.
        message: one clear line in English.
        status: of HTTP.
        details: what the page's message needs besides.
    """

    def __init__(self, code: str, message: str, *, status: int = 422, **details: object) -> None:
        super().__init__(message)
        self.code, self.status = code, status
        self.details: dict[str, Any] = details
