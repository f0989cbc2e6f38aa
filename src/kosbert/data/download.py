"""Download a dataset: each file from the first mirror that has it, verified before it is in place."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from stat import S_ISREG
from threading import Thread
from typing import TypeVar

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write, verify
from kosbert.params import DataFile, Dataset, ExtraSts

ATTEMPTS = 3
TIMEOUT = (10, 60)  # seconds: to connect, and without a byte
CHUNK = 1 << 16
PATIENCE = 60  # seconds for each chunk of a file
LARGEST = 1_000_000_000  # bytes; the largest file of KorNLU has some 80 million
WEB_ERRORS = (requests.RequestException, HTTPError, ValueError)  # the last, of an address that is none
MISSING = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
PROGRESS_BAR_FROM = 5_000_000  # bytes

Answer = TypeVar("Answer")


class MirrorError(Exception):
    """A mirror does not provide a file; the message says why."""


class MissingError(MirrorError):
    """A mirror does not have a file, so that it is no use to ask again."""


def download(dataset: Dataset, out: Path) -> dict[str, str]:
    """Put every file of a dataset under `out`, at its upstream path.

    The files of extra scored pairs come into a folder of their name.

    Returns:
        The mirror that each file came from, by its path under `out`.

    Raises:
        KosbertError: no mirror has a file with the right digest; the message names every mirror that was tried. Files
            already under `out` are complete and verified, and no part of a file is left.
    """
    return {path: _download(file, source, out / path) for path, file, source in _files(dataset)}


def _files(dataset: Dataset) -> Iterator[tuple[str, DataFile, Dataset | ExtraSts]]:
    """Yield the files of a dataset: where each of them is put, the file, and what names its mirrors."""
    for file in dataset.files:
        yield file.path, file, dataset
    for name, extra in dataset.sts.extra.items():
        for file in extra.files:
            yield f"{name}/{file.path}", file, extra


def mirrors(dataset: Dataset | ExtraSts) -> list[str]:
    """Return the mirrors of a dataset in their order; a `$NAME` stands for the folder in that environment variable."""
    expanded = (os.environ.get(mirror[1:], "") if mirror.startswith("$") else mirror for mirror in dataset.mirrors)
    return [mirror.rstrip("/") for mirror in expanded if mirror]


def advice(dataset: Dataset | ExtraSts) -> str:
    """Return what a user can do where no mirror has the files of a dataset."""
    variables = [mirror[1:] for mirror in dataset.mirrors if mirror.startswith("$")]
    alternative = f", or set {variables[0]} to a folder that has the files" if variables else ""
    return f"Connect to the network{alternative}, then run the same command again."


def reachable(dataset: Dataset) -> bool:
    """Return whether any mirror has any file of the dataset, those of extra scored pairs aside, without reading it."""
    return any(_has(mirror, file.path) for file in dataset.files for mirror in mirrors(dataset))


def present(dataset: Dataset, folder: Path) -> bool:
    """Return whether every file of the dataset is in the folder, with the right digest."""
    try:
        for path, file, _ in _files(dataset):
            verify(folder / path, file.digest)
    except (KosbertError, OSError):
        return False
    return True


def _download(file: DataFile, source: Dataset | ExtraSts, out: Path) -> str:
    failures = []
    for mirror in mirrors(source):
        try:
            with atomic_write(out) as tmp:
                _fetch(mirror, file.path, tmp)
                verify(tmp, file.digest)
        except (MirrorError, KosbertError) as error:
            failures.append(f"  {mirror}: {error}")
        else:
            return mirror
    raise KosbertError(
        f"{file.path} could not be downloaded (expected {file.digest.replace(':', ' ')}). Tried:\n"
        + "\n".join(failures or ["  no mirror is set"])
        + f"\n{advice(source)}"
    )


def _fetch(mirror: str, path: str, out: Path) -> None:
    attempts = ATTEMPTS if _is_web(mirror) else 1
    for attempt in range(1, attempts + 1):
        try:
            chunks = _web_chunks(f"{mirror}/{path}") if _is_web(mirror) else _file_chunks(Path(mirror, path))
            with out.open("wb") as file:
                file.writelines(_bounded(chunks))
        except MirrorError as error:
            if attempt == attempts or isinstance(error, MissingError):
                raise
            time.sleep(2 ** (attempt - 1))
        else:
            return


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on what a mirror sends, unless it comes too slowly or is too much."""
    left = LARGEST
    while chunk := _in_time(lambda: _full_chunk(chunks)):
        left -= len(chunk)
        if left < 0:
            raise KosbertError(f"it has more than {LARGEST:,} bytes, so it is not the expected file")
        yield chunk


def _full_chunk(chunks: Iterator[bytes]) -> bytes:
    """Return as many bytes as make a chunk, for a server may send them one by one; fewer at the end, none after it."""
    full = bytearray()
    for chunk in chunks:
        full += chunk
        if len(full) >= CHUNK:
            break
    return bytes(full)


def _in_time(call: Callable[[], Answer]) -> Answer:
    """Return what a call returns.

    The call runs in a thread: a timeout of the network begins anew with every byte, and files have none. A call that
    is given up goes on, and does not keep the process from ending.

    Raises:
        MirrorError: the call takes too long.
    """
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return answer.result(timeout=PATIENCE)
    except TimeoutError:
        raise MirrorError(f"received less than {CHUNK:,} bytes in {PATIENCE} seconds") from None


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        if not S_ISREG(path.stat().st_mode):
            raise MirrorError("not a regular file")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise MirrorError((error.strerror or str(error)).lower()) from error


def _web_chunks(url: str) -> Iterator[bytes]:
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT, hooks={"response": _skip_body}) as response:
            response.raise_for_status()
            size = response.raw.length_remaining or 0
            # `disable=None` shows the bar on a terminal only.
            disable = None if size >= PROGRESS_BAR_FROM else True
            with tqdm(total=size, unit="B", unit_scale=True, desc=url.rpartition("/")[2], disable=disable) as bar:
                for chunk in response.iter_content(CHUNK):
                    bar.update(len(chunk))
                    yield chunk
    except WEB_ERRORS as error:
        missing = isinstance(error, requests.HTTPError) and error.response.status_code in MISSING
        raise (MissingError if missing else MirrorError)(_reason(error)) from error


def _skip_body(response: requests.Response, **_: object) -> None:
    """Close an answer that points elsewhere, whose body would be read to its end, into memory."""
    if response.is_redirect:
        response.close()


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError):
        return one_line(f"the server answered {error.response.status_code} {error.response.reason}", 200)
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return one_line(error, 200)


def _has(mirror: str, path: str) -> bool:
    if not _is_web(mirror):
        return Path(mirror, path).is_file()
    try:
        return _in_time(lambda: requests.head(f"{mirror}/{path}", timeout=TIMEOUT, allow_redirects=True).ok)
    except (MirrorError, *WEB_ERRORS):
        return False


def _is_web(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))
