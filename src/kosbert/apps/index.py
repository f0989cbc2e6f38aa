"""An index on disk, for corpora that outgrow memory or are searched again and again: a graph of neighbours (HNSW).

The graph (Malkov and Yashunin, 2018; the library usearch) holds the embeddings in int8 and proposes several times as
many sentences as are asked for; those are rescored with the embeddings in fp16. All files are memory-mapped, and
verified when the index is opened: a damaged graph would end the process, and other damage give wrong results. usearch
is the extra `index`; it cannot live in one process with onnxruntime.
"""

import hashlib
import json
import shutil
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from kosbert.apps.search import FindCandidates, Rows, SentenceIndex, exact_candidates
from kosbert.apps.stream import encode_stream
from kosbert.errors import KosbertError, one_line
from kosbert.files import digest, exclusive
from kosbert.inference.encoder import Embeddings, Encoder, model_of

FORMAT = 2
ABOUT, SENTENCES, OFFSETS, EMBEDDINGS, GRAPH = (
    "about.json",
    "sentences.txt",
    "offsets.npy",
    "embeddings.npy",
    "graph.usearch",
)
FILES = {"float32": (EMBEDDINGS, OFFSETS, SENTENCES), "int8": (EMBEDDINGS, GRAPH, OFFSETS, SENTENCES)}
PART_ROWS = 8_192  # sentences that are encoded at once, and that a kill loses at most
SIGMAS = 6  # the standard deviations of a number, in embeddings of length 1, that int8 spans
# The graph's neighbours of a sentence, and the candidates it keeps while sentences are added and while it is searched.
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 960
RESCORE_MULTIPLIER = 4  # candidates from the graph for each sentence asked for


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
    encoder: Encoder,
    folder: Path,
    *,
    exact: bool = False,
    total: int | None = None,
    threads: int = 0,
) -> None:
    """Build an index of a corpus, with a progress bar. A build that was killed resumes after the parts it had encoded.

    Until the index is complete, everything is in a working folder beside `folder`.

    Args:
        texts: the corpus; it need not fit in memory. A build that resumes reads it again, and encodes it anew from the
            first part on that has changed, or that another encoder or precision has made.
        encoder: the encoder.
        folder: the folder of the index, which is complete or absent.
        exact: whether there is no graph and the embeddings are kept in fp32, to be searched in full each time.
        total: the number of texts, for the progress bar.
        threads: the number of threads that build the graph; 0 for all cores. With 1, the same corpus gives the same
            bytes; with more, edges of the graph depend on their timing.

    Raises:
        KosbertError: there are no texts, `folder` exists, another run is building it, or usearch is not installed.
    """
    check_new(folder, exact=exact)
    work_dir = folder.with_name(f".{folder.name}.building")
    with exclusive(work_dir, folder):
        tmp = work_dir / "index"
        tmp.mkdir(exist_ok=True)
        precision = "float32" if exact else "int8"
        with tqdm(total=total, unit=" sentences", desc="encoding") as bar:
            count, corpus = _encode(texts, encoder, tmp, np.float32 if exact else np.float16, bar.update)
        if not count:
            shutil.rmtree(work_dir)
            raise KosbertError("no texts to build an index of")
        (tmp / GRAPH).unlink(missing_ok=True)
        if not exact:
            _build_graph(np.load(tmp / EMBEDDINGS, mmap_mode="r"), tmp / GRAPH, threads)
        about = {
            "format": FORMAT,
            "model": encoder.fingerprint,
            "dimensions": encoder.dimensions,
            "count": count,
            "precision": precision,
            "corpus": corpus,
            "sha256": {name: digest(tmp / name, "sha256") for name in FILES[precision]},
        }
        (tmp / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8", newline="\n")
        tmp.replace(folder)
        shutil.rmtree(work_dir)


def check_new(folder: Path, *, exact: bool) -> None:
    """Check that an index can be built, before anything is done for it.

    Raises:
        KosbertError: `folder` exists, or usearch is not installed.
    """
    if folder.exists():
        raise KosbertError(f"{folder}: exists; search in it, or delete it to build it anew")
    if not exact:
        _usearch()


def _encode(
    texts: Iterable[str], encoder: Encoder, tmp: Path, dtype: type[np.floating[Any]], done: Callable[[int], Any]
) -> tuple[int, str]:
    """Write the sentences and their embeddings; return the number of sentences, and their digest."""
    ends, state = array("q", [0]), hashlib.sha256()
    parts = encode_stream(
        encoder, texts, tmp / EMBEDDINGS, tmp.parent, part_rows=PART_ROWS, dtype=dtype, normalized=True
    )
    with (tmp / SENTENCES).open("wb") as file:
        for part in parts:
            lines = [f"{text}\n".encode() for text in part]
            ends.extend((np.cumsum([len(line) for line in lines]) + ends[-1]).tolist())
            file.writelines(lines)
            state.update(b"".join(lines))
            done(len(part))
    np.save(tmp / OFFSETS, np.array(ends, np.int64))
    return len(ends) - 1, state.hexdigest()


def _build_graph(embeddings: Embeddings, path: Path, threads: int) -> None:
    graph = _usearch().Index(
        ndim=embeddings.shape[1],
        metric="cos",
        dtype="i8",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        enable_key_lookups=False,
    )
    with tqdm(total=len(embeddings), unit=" sentences", desc="connecting") as bar:
        for start in range(0, len(embeddings), PART_ROWS):
            part = embeddings[start : start + PART_ROWS]
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


def open_index(folder: Path, encoder: Encoder) -> SentenceIndex:
    """Open an index. Its files are read once, to verify them, and are not kept in memory.

    Args:
        folder: the folder of the index.
        encoder: an encoder of the model that the index was built with, in any precision and on any engine.

    Raises:
        KosbertError: there is no complete index of this format, or it was built with another model.
    """
    about = describe(folder)
    if model_of(about["model"]) != model_of(encoder.fingerprint):
        raise KosbertError(
            f"{folder}: built with another model: its fingerprint is {about['model'][:12]!r}…, "
            f"this model's is {encoder.fingerprint[:12]!r}…; use that model, or build an index with this one"
        )
    try:
        for name, expected in about["sha256"].items():
            if digest(folder / name, "sha256") != expected:
                raise _broken(folder, f"{name} is not as it was written")
        sentences = Sentences(folder)
        embeddings = np.load(folder / EMBEDDINGS, mmap_mode="r")
        graph = _open_graph(folder / GRAPH) if GRAPH in about["sha256"] else None
    except FileNotFoundError as error:
        raise _broken(folder, f"{Path(error.filename).name} is not there") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise _broken(folder, one_line(error)) from error
    if not about["count"] == len(sentences) == len(embeddings) == (about["count"] if graph is None else len(graph)):
        raise _broken(folder, "its files differ in length")
    find_candidates = None if graph is None else _graph_candidates(graph, embeddings)
    return SentenceIndex(sentences, embeddings, encoder, find_candidates=find_candidates)


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


def _open_graph(path: Path) -> Any:  # noqa: ANN401 - a class without types
    graph = _usearch().Index.restore(path, view=True, expansion_search=EXPANSION_SEARCH, enable_key_lookups=False)
    if graph is None:
        raise ValueError(f"{path.name} is not there")
    return graph


def _graph_candidates(graph: Any, embeddings: Embeddings) -> FindCandidates:  # noqa: ANN401
    lock = threading.Lock()  # a graph that is searched with one thread has one thread's memory

    def find_candidates(queries: Embeddings, top: int) -> Iterator[Rows]:
        if RESCORE_MULTIPLIER * top >= len(embeddings):
            yield from exact_candidates(embeddings, queries, top)
            return
        for query in int8(queries):
            with lock:
                found = graph.search(query, RESCORE_MULTIPLIER * top, threads=1)
            yield found.keys.astype(np.int64)

    return find_candidates


def _usearch() -> Any:  # noqa: ANN401 - a module without types
    try:
        from usearch import index  # noqa: PLC0415 - an extra
    except ImportError:
        raise KosbertError("an index on disk needs usearch: pip install 'kosbert[index]'") from None
    return index
