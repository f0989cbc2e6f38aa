"""Download a dataset: each file from the first mirror that has it, verified before it is in place."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from tqdm import tqdm

from kosbert.errors import KosbertError
from kosbert.files import atomic_write, verify
from kosbert.params import DataFile, Dataset

ATTEMPTS = 3
TIMEOUT = (10, 60)  # seconds: to connect, and without a byte
CHUNK = 1 << 16
ADVICE = (
    "Connect to the network, or set KORNLU_MIRROR to a folder with the files of KorNLUDatasets\n"
    "(KorSTS/…, KorNLI/…), then run the same command again."
)
PROGRESS_BAR_FROM = 5_000_000  # bytes


class MirrorError(Exception):
    """A mirror does not provide a file; the message says why."""


def download(dataset: Dataset, out: Path) -> dict[str, str]:
    """Put every file of a dataset under `out`, at its upstream path.

    Returns:
        The mirror that each file came from, by path.

    Raises:
        KosbertError: no mirror has a file with the right digest; the message names every mirror that was tried. Files
            already under `out` are complete and verified, and no part of a file is left.
    """
    tried = mirrors(dataset)
    return {file.path: _download(file, tried, out / file.path) for file in dataset.files}


def mirrors(dataset: Dataset) -> list[str]:
    """Return the dataset's mirrors in their order; a `$NAME` stands for the folder in that environment variable."""
    expanded = (os.environ.get(mirror[1:], "") if mirror.startswith("$") else mirror for mirror in dataset.mirrors)
    return [mirror.rstrip("/") for mirror in expanded if mirror]


def reachable(dataset: Dataset) -> bool:
    """Return whether any mirror has any file of the dataset, without reading it."""
    return any(_has(mirror, file.path) for file in dataset.files for mirror in mirrors(dataset))


def present(dataset: Dataset, folder: Path) -> bool:
    """Return whether every file of the dataset is in the folder, with the right digest."""
    try:
        for file in dataset.files:
            verify(folder / file.path, file.digest)
    except (KosbertError, OSError):
        return False
    return True


def _download(file: DataFile, tried: list[str], out: Path) -> str:
    failures = []
    for mirror in tried:
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
        + "\n".join(failures or ["  nothing: there is no mirror"])
        + f"\n{ADVICE}"
    )


def _fetch(mirror: str, path: str, out: Path) -> None:
    attempts = ATTEMPTS if _is_web(mirror) else 1
    for attempt in range(1, attempts + 1):
        try:
            chunks = _web_chunks(f"{mirror}/{path}") if _is_web(mirror) else _file_chunks(Path(mirror, path))
            with out.open("wb") as file:
                file.writelines(chunks)
        except MirrorError:
            if attempt == attempts:
                raise
            time.sleep(2 ** (attempt - 1))
        else:
            return


def _file_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise MirrorError((error.strerror or str(error)).lower()) from error


def _web_chunks(url: str) -> Iterator[bytes]:
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            # `disable=None` shows the bar on a terminal only.
            disable = None if size >= PROGRESS_BAR_FROM else True
            with tqdm(total=size, unit="B", unit_scale=True, desc=url.rpartition("/")[2], disable=disable) as bar:
                for chunk in response.iter_content(CHUNK):
                    bar.update(len(chunk))
                    yield chunk
    except requests.RequestException as error:
        raise MirrorError(_reason(error)) from error


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError):
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return str(error)


def _has(mirror: str, path: str) -> bool:
    if not _is_web(mirror):
        return Path(mirror, path).is_file()
    try:
        return requests.head(f"{mirror}/{path}", timeout=TIMEOUT, allow_redirects=True).ok
    except requests.RequestException:
        return False


def _is_web(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))
