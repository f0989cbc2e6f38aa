"""Getting the files of a dataset from the first of its sources that has them, verified before they are in place."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from tqdm import tqdm

from kosbert.errors import KosbertError
from kosbert.files import verify, atomic_write
from kosbert.params import Dataset, Source

ATTEMPTS = 3
TIMEOUT = (10, 60)  # seconds: to connect, and without a byte
CHUNK = 1 << 16
ADVICE = (
    "Connect to the network, or set KORNLU_MIRROR to a folder with the files of KorNLUDatasets\n"
    "(KorSTS/…, KorNLI/…), then run the same command again."
)
LARGE = 5_000_000  # bytes from which a bar is shown


class Unreachable(Exception):  # noqa: N818 - a state of a source, not an error of ours
    """A source does not hand out a file; the message says why."""


def download(dataset: Dataset, out: Path) -> dict[str, str]:
    """Put every file of a dataset under `out`, at its upstream path.

    Returns:
        The place each file came from, by path.

    Raises:
        KosbertError: a file could be had nowhere with the right digest; every place tried is named. What is
            already under `out` is whole and verified, and no part of a file is left.
    """
    return {source.path: _download(source, places(dataset), out / source.path) for source in dataset.files}


def places(dataset: Dataset) -> list[str]:
    """Return the dataset's sources in their order; a `$NAME` stands for the folder in that environment variable."""
    expanded = (os.environ.get(place[1:], "") if place.startswith("$") else place for place in dataset.sources)
    return [place.rstrip("/") for place in expanded if place]


def reachable(dataset: Dataset) -> bool:
    """Return whether any file of the dataset can be had anywhere (without reading it)."""
    return any(_answers(place, source) for source in dataset.files for place in places(dataset))


def present(dataset: Dataset, folder: Path) -> bool:
    """Return whether every file of the dataset is in the folder, with the right digest."""
    try:
        for source in dataset.files:
            verify(folder / source.path, source.digest)
    except (KosbertError, OSError):
        return False
    return True


def _download(source: Source, tried: list[str], out: Path) -> str:
    failures = []
    for place in tried:
        try:
            with atomic_write(out) as draft:
                _fetch(place, source.path, draft)
                verify(draft, source.digest)
        except (Unreachable, KosbertError) as failure:
            failures.append(f"  {place}: {failure}")
        else:
            return place
    raise KosbertError(
        f"{source.path} could not be had (expected {source.digest.replace(':', ' ')}). Tried:\n"
        + "\n".join(failures or ["  nothing: no source is given"])
        + f"\n{ADVICE}"
    )


def _fetch(place: str, path: str, out: Path) -> None:
    attempts = ATTEMPTS if _is_web(place) else 1
    for attempt in range(1, attempts + 1):
        try:
            chunks = _web_chunks(f"{place}/{path}") if _is_web(place) else _file_chunks(Path(place) / path)
            with out.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except Unreachable:
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
        raise Unreachable((error.strerror or str(error)).lower()) from error


def _web_chunks(url: str) -> Iterator[bytes]:
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            # `disable=None` shows the bar on a terminal only.
            disable = None if size >= LARGE else True
            with tqdm(total=size, unit="B", unit_scale=True, desc=url.rpartition("/")[2], disable=disable) as bar:
                for chunk in response.iter_content(CHUNK):
                    bar.update(len(chunk))
                    yield chunk
    except requests.RequestException as error:
        raise Unreachable(_reason(error)) from error


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


def _answers(place: str, source: Source) -> bool:
    if not _is_web(place):
        return (Path(place) / source.path).is_file()
    try:
        return requests.head(f"{place}/{source.path}", timeout=TIMEOUT, allow_redirects=True).ok
    except requests.RequestException:
        return False


def _is_web(place: str) -> bool:
    return place.startswith(("http://", "https://"))
