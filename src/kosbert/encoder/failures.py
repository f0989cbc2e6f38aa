"""What libraries raise over files and memory, told apart: a model is not to blame for a limit of memory."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from kosbert.errors import KosbertError, one_line

MAX_REASON = 300  # characters of what a library says
# Words of the libraries that are out of memory, or of threads, which need some: their errors are of no kind of its own.
OUT_OF_MEMORY = (
    "allocate memory",
    "not enough memory",
    "out of memory",
    "std::bad_alloc",
    "failed to map segment",
    "start new thread",
    "could not create a primitive",  # oneDNN's
    "error return without exception set",  # of C code that could not allocate what it raises
    "ThreadPoolBuildError",
    "Resource temporarily unavailable",
)


def is_failure(error: BaseException) -> bool:
    """Return whether a library has failed, also by a panic of Rust, which Python does not count among the errors."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


@contextmanager
def in_one_line(what: str, advice: str) -> Iterator[None]:
    """Say what is wrong where a library fails in the block over somebody's files, whatever it raises.

    Args:
        what: what is wrong, and with which file; what the library says follows.
        advice: what to do about it.

    Raises:
        KosbertError: a library failed.
    """
    try:
        yield
    except KosbertError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        reason = one_line(error, MAX_REASON) or type(error).__name__
        raise KosbertError(f"{what}: {reason}; {advice}") from error


@contextmanager
def enough_memory(purpose: str) -> Iterator[None]:
    """Say so where the block runs out of memory.

    Args:
        purpose: what the block does, such as `load models/best`.

    Raises:
        KosbertError: it did.
    """
    try:
        yield
    except BaseException as error:
        if not (is_failure(error) and _is_out_of_memory(error)):
            raise
    else:
        return
    # Raised when the other error is gone, and with it what its frames held: there is memory again to say so.
    raise KosbertError(f"not enough memory to {purpose}; raise the limit (ulimit -v), or close other programs")


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an error, or one that it came of, is of too little memory."""
    while error is not None:
        full = isinstance(error, MemoryError) or getattr(error, "errno", None) in (errno.ENOMEM, errno.EAGAIN)
        if full or (not isinstance(error, KosbertError) and any(words in str(error) for words in OUT_OF_MEMORY)):
            return True
        error = error.__cause__ or error.__context__
    return False
