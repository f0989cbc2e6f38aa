"""An index on disk, for corpora that outgrow memory or are searched again and again: a graph of neighbours (HNSW).

The graph (Malkov and Yashunin, 2018; the library usearch) holds the embeddings in int8 and proposes some times as many
sentences as are asked for; those are scored anew with the embeddings in fp16. All is memory-mapped, and verified when
it is opened: a damaged graph would end the process, and other damage give wrong results. usearch is the extra `index`;
it cannot live in one process with onnxruntime.
"""

import hashlib
import json
import shutil
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from tqdm import tqdm

from kosbert.apps.alone import alone
from kosbert.inference.pytorch import Embedder
from kosbert.apps.search import Rows, SentenceIndex, embedder_of, nearest, unit
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError, one_line
from kosbert.files import digest, write_text, atomic_write

FORMAT = 2
ABOUT, SENTENCES, OFFSETS, EMBEDDINGS, GRAPH = (
    "about.json",
    "sentences.txt",
    "offsets.npy",
    "embeddings.npy",
    "graph.usearch",
)
FILES = {"float32": (SENTENCES, OFFSETS, EMBEDDINGS), "int8": (SENTENCES, OFFSETS, EMBEDDINGS, GRAPH)}
CHUNK = 8_192  # sentences that are encoded before they are safe from a kill
SIGMAS = 6  # standard deviations of a number of an embedding of length 1 that int8 spans
# Of the graph: neighbours of a sentence, and how many candidates are kept while adding and while searching.
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 960
RESCORE_MULTIPLIER = 4  # candidates of the graph for each sentence asked for


class Sentences(Sequence[str]):
    """The sentences of an index, on disk."""

    def __init__(self, folder: Path) -> None:
        self._offsets = np.load(folder / OFFSETS, mmap_mode="r")
        self._text = np.memmap(folder / SENTENCES, np.uint8, "r")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        start, end = self._offsets[range(len(self))[row]], self._offsets[range(len(self))[row] + 1]
        return self._text[start : end - 1].tobytes().decode()  # without the line break


def build(
    texts: Iterable[str],
    embedder: Embedder | SentenceTransformer,
    folder: Path,
    *,
    exact: bool = False,
    total: int | None = None,
    threads: int = 0,
) -> None:
    """Build an index of a corpus, with a bar. A build that was killed goes on after the chunks it had encoded.

    Meanwhile all is in a working folder beside `folder`, which holds the embeddings twice at the end.

    Args:
        texts: the corpus; need not fit in memory. On resuming it is read again, and what has changed is encoded anew.
        embedder: what makes the embeddings, or a sentence-transformers model.
        folder: the index; is whole or absent.
        exact: make no graph, and keep the embeddings in fp32: searched in full each time.
        total: how many texts there are, for the bar.
        threads: that build the graph; 0 for all cores. With 1, the same corpus gives the same bytes; with more, edges
            of the graph depend on their timing.

    Raises:
        KosbertError: there are no texts, `folder` exists, another run is building it, or usearch is not installed.
    """
    check_new(folder, exact=exact)
    embedder = embedder_of(embedder)
    working = folder.with_name(f".{folder.name}.building")
    with alone(working, folder):
        draft = working / "index"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        _build(texts, embedder, draft, exact=exact, total=total, threads=threads)
        draft.replace(folder)
        shutil.rmtree(working)


def check_new(folder: Path, *, exact: bool) -> None:
    """Check that we may build an index, before anything is done for it.

    Raises:
        KosbertError: `folder` exists, or usearch is not installed.
    """
    if folder.exists():
        raise KosbertError(f"{folder}: exists; search in it, or delete it to build it anew")
    if not exact:
        _usearch()


def _build(
    texts: Iterable[str], embedder: Embedder, draft: Path, *, exact: bool, total: int | None, threads: int
) -> None:
    precision = np.float32 if exact else np.float16
    with tqdm(total=total, unit=" sentences", desc="encoding") as bar:
        chunks, corpus = _encode(texts, embedder, draft, precision=precision, done=bar.update)
    if not chunks:
        shutil.rmtree(draft.parent)
        raise KosbertError("no texts to build an index of")
    count = _join(chunks, draft / EMBEDDINGS)
    if not exact:
        _connect(np.load(draft / EMBEDDINGS, mmap_mode="r"), draft / GRAPH, threads)
    about = {
        "format": FORMAT,
        "model": embedder.fingerprint,
        "dimensions": embedder.dimensions,
        "count": count,
        "precision": "float32" if exact else "int8",
        "corpus": corpus,
        "sha256": {path.name: digest(path, "sha256") for path in sorted(draft.iterdir())},
    }
    write_text(draft / ABOUT, json.dumps(about, indent=2) + "\n")


def _encode(
    texts: Iterable[str],
    embedder: Embedder,
    draft: Path,
    *,
    precision: type[np.floating[Any]],
    done: Callable[[int], Any],
) -> tuple[list[Path], str]:
    """Write the sentences, and the embeddings of each chunk to a file that is named by what it depends on."""
    chunks, ends, state = [], array("q", [0]), hashlib.sha256()
    with (draft / SENTENCES).open("wb") as file:
        for chunk in _chunks(texts):
            lines = [f"{text}\n".encode() for text in chunk]
            lengths = np.cumsum([len(line) for line in lines]) + ends[-1]
            ends.extend(lengths.tolist())
            file.writelines(lines)
            state.update(b"".join(lines))
            key = json.dumps([embedder.fingerprint, precision.__name__, chunk]).encode()
            chunks.append(draft.parent / f"{hashlib.sha256(key).hexdigest()}.npy")
            if not _is_sound(chunks[-1]):
                with atomic_write(chunks[-1]) as part:
                    np.save(part, unit(embedder.encode(chunk)).astype(precision))
                write_text(_proof(chunks[-1]), digest(chunks[-1], "sha256"))
            done(len(chunk))
    np.save(draft / OFFSETS, np.array(ends, np.int64))
    return chunks, state.hexdigest()


def _proof(chunk: Path) -> Path:
    return chunk.with_suffix(".sha256")


def _is_sound(chunk: Path) -> bool:
    there = chunk.exists() and _proof(chunk).exists()
    return there and digest(chunk, "sha256").encode() == _proof(chunk).read_bytes()


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while chunk := [*islice(left, CHUNK)]:
        yield chunk


def _join(chunks: list[Path], path: Path) -> int:
    parts = [*map(_part, chunks)]
    count = sum(map(len, parts))
    whole = np.lib.format.open_memmap(path, "w+", parts[0].dtype, (count, parts[0].shape[1]))
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    whole.flush()
    return count


def _part(path: Path) -> Embeddings:
    try:
        part: Embeddings = np.load(path, mmap_mode="r")
    except (ValueError, EOFError) as error:  # an array of objects, which would be unpickled, is refused so, too
        raise KosbertError(f"{path}: a broken part of an index; delete it, and run this again") from error
    return part


def _connect(embeddings: Embeddings, path: Path, threads: int) -> None:
    graph = _usearch().Index(
        ndim=embeddings.shape[1],
        metric="cos",
        dtype="i8",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        enable_key_lookups=False,
    )
    with tqdm(total=len(embeddings), unit=" sentences", desc="connecting") as bar:
        for start in range(0, len(embeddings), CHUNK):
            part = embeddings[start : start + CHUNK]
            graph.add(np.arange(start, start + len(part)), int8(part), threads=threads)
            bar.update(len(part))
    graph.save(path)


def int8(embeddings: Embeddings) -> NDArray[np.int8]:
    """Round embeddings of length 1 to whole numbers of -127 to 127, all on one scale, so that cosines stay.

    usearch itself would cut off 127 times each number, which leaves few steps to the small ones of many dimensions.
    """
    scale = 127 * embeddings.shape[1] ** 0.5 / SIGMAS
    steps: NDArray[np.int8] = (embeddings.astype(np.float32) * scale).round().clip(-127, 127).astype(np.int8)
    return steps


def open_index(folder: Path, embedder: Embedder | SentenceTransformer) -> SentenceIndex:
    """Open an index. Its files are read once, to verify them, and are not kept in memory.

    Raises:
        KosbertError: there is no whole index of this format, or it was built with another model.
    """
    embedder = embedder_of(embedder)
    about = describe(folder)
    if about["model"] != embedder.fingerprint:
        raise KosbertError(
            f"{folder}: built with another model: its fingerprint is {about['model'][:12]!r}…, "
            f"this model's is {embedder.fingerprint[:12]!r}…; use that model, or build an index with this one"
        )
    try:
        for name, expected in about["sha256"].items():
            if digest(folder / name, "sha256") != expected:
                raise _broken(folder, f"{name} is not as it was written")
        sentences = Sentences(folder)
        embeddings = np.load(folder / EMBEDDINGS, mmap_mode="r")
        graph = _view(folder / GRAPH) if GRAPH in about["sha256"] else None
    except FileNotFoundError as error:
        raise _broken(folder, f"{Path(error.filename).name} is not there") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise _broken(folder, one_line(error)) from error
    if not about["count"] == len(sentences) == len(embeddings) == (about["count"] if graph is None else len(graph)):
        raise _broken(folder, "its files differ in length")
    find = None if graph is None else _finder(graph, embeddings)
    return SentenceIndex(sentences, embeddings, embedder, find=find)


def describe(folder: Path) -> dict[str, Any]:
    """Return what an index says of itself: format, model, count, digests.

    Raises:
        KosbertError: there is no index of this format.
    """
    if not (folder / ABOUT).is_file():
        raise KosbertError(f"{folder}: no index (it has no {ABOUT})")
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        version = about["format"]
        if version == FORMAT:
            digests = {name: about["sha256"][name] for name in FILES[about["precision"]]}
            about = {"model": str(about["model"]), "count": about["count"], "sha256": digests}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _broken(folder, f"{ABOUT} is not as it was written") from error
    if version != FORMAT:
        raise KosbertError(f"{folder}: an index of another format; this version reads format {FORMAT}: build it anew")
    return about


def _broken(folder: Path, reason: str) -> KosbertError:
    return KosbertError(f"{folder}: a broken index: {reason}; delete it, and build it anew")


def _view(path: Path) -> Any:  # noqa: ANN401 - a class without types
    graph = _usearch().Index.restore(path, view=True, expansion_search=EXPANSION_SEARCH, enable_key_lookups=False)
    if graph is None:
        raise ValueError(f"{path.name} is not there")
    return graph


def _finder(graph: Any, embeddings: Embeddings) -> Callable[[Embeddings, int], Iterator[Rows]]:  # noqa: ANN401
    turn = threading.Lock()  # its threads each have one place to work in

    def find(queries: Embeddings, top: int) -> Iterator[Rows]:
        if RESCORE_MULTIPLIER * top >= len(embeddings):
            yield from nearest(embeddings, queries, top)
            return
        for query in int8(queries):
            with turn:
                found = graph.search(query, RESCORE_MULTIPLIER * top, threads=1)
            yield found.keys.astype(np.int64)

    return find


def _usearch() -> Any:  # noqa: ANN401 - a module without types
    try:
        from usearch import index  # noqa: PLC0415 - an extra
    except ImportError:
        raise KosbertError("an index on disk needs usearch: pip install 'kosbert[index]'") from None
    return index
