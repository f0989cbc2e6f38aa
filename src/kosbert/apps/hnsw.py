"""A graph of neighbours (HNSW) in int8, on disk: it proposes the texts that search scores.

Malkov and Yashunin, 2018; the library usearch, which is the extra `index`. Equal vectors would link to each other alone
and hide the rest of the graph, so it holds each vector once; the texts that share a vector are found together.
"""

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from kosbert.apps.index_checks import names_each, open_groups, read_keys, refuse
from kosbert.apps.repeats import Groups, Numbering, Numbers, written
from kosbert.apps.search import FindCandidates, exact_candidates, normalize, rescore
from kosbert.errors import needs_extra
from kosbert.inference.encoder import Embeddings
from kosbert.inference.onnx_graph import onnxruntime_library

GRAPH = "graph.usearch"
TWINS, TWIN_STARTS = "twins.npy", "twin_starts.npy"  # the texts of each vector, as `Groups`
GRAPH_FILES = (GRAPH, TWINS, TWIN_STARTS)
PART_ROWS = 8_192  # vectors that are made and added at once
SIGMAS = 6  # the standard deviations of a number, in embeddings of length 1, that int8 spans
CONNECTIVITY, EXPANSION_ADD = 16, 128  # the neighbours of a vector, and the candidates for them
ALL = 0  # a search that compares every vector
# The candidates that a search keeps and proposes: the first of these numbers with which it finds enough. Where vectors
# have no neighbourhoods, as random ones, no number is enough.
EXPANSIONS = (960, 1_920, 3_840, 7_680, ALL)
HASTY_EXPANSION = 16
RESCORE_MULTIPLIER = 16  # texts that are scored for each one asked for, at least
SAMPLE, TOP, GOOD_RECALL = 300, 10, 0.99  # texts that are searched for, and what is enough
SEED = 1


def build_graph(embeddings: Embeddings, folder: Path, threads: int) -> None:
    """Write the graph, and the texts of each vector.

    Vectors are added in random order. Neighbours that are added one after the other, as those of a sorted corpus, would
    link to each other alone.

    Args:
        embeddings: the embeddings of the texts, of length 1 [texts, dimensions].
        folder: the folder for the files.
        threads: the number of threads; 0 for all cores. With 1, the same embeddings give the same bytes.
    """
    twins = _group_twins(embeddings)
    twins.save(folder / TWINS, folder / TWIN_STARTS)
    graph = _new_graph(embeddings.shape[1])
    order, firsts = np.random.default_rng(SEED).permutation(len(twins)), twins.members[twins.starts[:-1]]
    parts = [order[start : start + PART_ROWS] for start in range(0, len(order), PART_ROWS)]
    with tqdm(total=len(order), unit=" sentences", desc="connecting") as bar:
        for part in parts:
            graph.add(part, int8(embeddings[firsts[part]]), threads=threads)
            bar.update(len(part))
    # Threads that add vectors of one neighbourhood at the same time leave some to which no edge leads.
    for part in tqdm(parts, unit=" parts", desc="checking"):
        lost = _lost(graph, part, int8(embeddings[firsts[part]]), threads)
        if len(lost):
            graph.add(lost, int8(embeddings[firsts[lost]]), threads=1)
    with written(folder / GRAPH):
        graph.save(folder / GRAPH)


def _group_twins(embeddings: Embeddings) -> Groups:
    numbering = Numbering()
    for start in range(0, len(embeddings), PART_ROWS):
        for vector in int8(embeddings[start : start + PART_ROWS]):
            numbering.add(vector.tobytes())
    return numbering.groups()


def _lost(graph: Any, keys: Numbers, vectors: NDArray[np.int8], threads: int) -> Numbers:  # noqa: ANN401
    """Return the keys of the vectors that the graph does not find; a hasty search settles it for most."""
    for expansion in (HASTY_EXPANSION, EXPANSION_ADD):
        if len(keys):
            graph.expansion_search = expansion
            others = graph.search(vectors, 1, threads=threads).keys.ravel() != keys
            keys, vectors = keys[others], vectors[others]
    return keys


def find_expansion(embeddings: Embeddings, folder: Path) -> tuple[float, int]:
    """Compare the graph with exact search, over a sample of the texts.

    Args:
        embeddings: the embeddings of the texts, as `build_graph` had them.
        folder: the folder of the graph.

    Returns:
        The recall, and the first expansion with which it is good; the last, if it is with none.
    """
    sample = np.random.default_rng(SEED).choice(len(embeddings), min(SAMPLE, len(embeddings)), replace=False)
    queries = normalize(embeddings[sample].astype(np.float32))
    top = min(TOP + 1, len(embeddings))

    def nearest(candidates: Iterator[Numbers]) -> list[set[int]]:
        """Return the nearest texts to each of the sample, but for itself, which is found more easily than others."""
        each = zip(sample.tolist(), queries, candidates, strict=True)
        return [{*rescore(embeddings, texts, query, top)[0].tolist()} - {text} for text, query, texts in each]

    exact = nearest(exact_candidates(embeddings, queries, top))
    for expansion in EXPANSIONS:
        found = nearest(graph_candidates(embeddings, folder, expansion)(queries, top))
        missed = sum(len(wanted - some) for wanted, some in zip(exact, found, strict=True))
        recall = 1 - missed / max(1, sum(map(len, exact)))
        if recall >= GOOD_RECALL:
            break
    return recall, expansion


def int8(embeddings: Embeddings) -> NDArray[np.int8]:
    """Round embeddings of length 1 to whole numbers of -127 to 127, all on one scale, so that cosines stay.

    usearch itself would cut off 127 times each number, which leaves few steps to the small ones of many dimensions.
    """
    steps = (embeddings.astype(np.float32) / _step(embeddings.shape[1])).round().clip(-127, 127)
    return steps.astype(np.int8)


def _step(dimensions: int) -> float:
    """Return what 1 in int8 stands for."""
    return SIGMAS / (127 * float(np.sqrt(dimensions)))


def _new_graph(dimensions: int) -> Any:  # noqa: ANN401 - a class without types
    return usearch_library().Index(
        ndim=dimensions,
        metric="cos",
        dtype="i8",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        enable_key_lookups=False,
    )


def _open_graph(path: Path, dimensions: int, vectors: int) -> Any:  # noqa: ANN401 - a class without types
    """Open a graph that has each of so many vectors, memory-mapped."""
    graph = _new_graph(dimensions)
    refuse(path, unless=names_each(read_keys(path, graph.save()), vectors))
    graph.view(path)
    return graph


def graph_candidates(embeddings: Embeddings, folder: Path, expansion: int) -> FindCandidates:
    """Return what proposes texts by the graph.

    Args:
        embeddings: the embeddings of the texts, as `build_graph` had them.
        folder: the folder of the graph.
        expansion: one of `EXPANSIONS`.

    Raises:
        ValueError: the files are not of one graph.
    """
    keeps = expansion or EXPANSIONS[0]
    twins = open_groups(folder / TWINS, folder / TWIN_STARTS)
    refuse(folder / TWINS, unless=len(twins.members) == len(embeddings))
    graph = _open_graph(folder / GRAPH, embeddings.shape[1], len(twins))
    graph.expansion_search = keeps
    margin = _step(embeddings.shape[1])  # by which int8 misplaces a vector, at most for all but a few
    lock = threading.Lock()  # a graph that is searched with one thread has one thread's memory

    def find_candidates(queries: Embeddings, top: int) -> Iterator[Numbers]:
        count = max(keeps, RESCORE_MULTIPLIER * top)
        if RESCORE_MULTIPLIER * top >= len(embeddings):
            yield from exact_candidates(embeddings, queries, top)
            return
        for query, vector in zip(queries, int8(queries), strict=True):
            with lock:
                found = graph.search(vector, count, threads=1, exact=expansion == ALL)
            near = _nearest(found.keys.astype(np.int64), found.distances, twins, RESCORE_MULTIPLIER * top, margin)
            texts = twins.all(np.unique(near))  # what was added again may be found twice
            # A graph may have parts that no edge leads to.
            yield texts if len(texts) >= top else next(exact_candidates(embeddings, query[None], top))

    return find_candidates


def _nearest(vectors: Numbers, distances: NDArray[np.float32], twins: Groups, count: int, margin: float) -> Numbers:
    """Return the nearest vectors that have so many texts together, and those that may be as near as the last.

    Most texts of a corpus may share a few vectors; scoring all of them would take as long as exact search.
    """
    reached = int(np.searchsorted(np.cumsum(twins.sizes(vectors)), count))
    near: Numbers = vectors[distances <= distances[min(reached, len(vectors) - 1)] + margin]
    return near


def usearch_library() -> Any:  # noqa: ANN401 - a module without types
    """Import usearch.

    ONNX Runtime ends the process if it is imported after usearch, so it is imported before, where it is installed.

    Raises:
        KosbertError: usearch is not installed.
    """
    if find_spec("onnxruntime"):
        onnxruntime_library()
    with needs_extra("index", "An index with a graph"):
        from usearch import index  # noqa: PLC0415 - an extra
    return index
