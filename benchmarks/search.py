"""How fast search is, exactly and in an index on disk, and how much of the exact result the index finds.

    python benchmarks/search.py models/nli_sts data/raw --folder build/index

A million Korean sentences are not at hand, so their vectors are made: the distinct sentences of KorNLU (25,391) are
encoded, and each vector is one of them, mixed with a random share (to 0.6) of another and with noise (0.2 of its
length), then scaled to length 1. Queries are sentences that the corpus has none of, as they are. Among 24,391 vectors
so made, a graph finds less than among the real ones (with 40 candidates 0.914 and 0.949 of the ten nearest), so they do
not flatter it. `--seed` gives other vectors and queries: choose the parameters of the index on seed 1, report seed 2.
"""

import resource
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import kosbert
from kosbert.apps.index import build, open_index
from kosbert.apps.search import SentenceIndex, exact_candidates, normalize, rescore
from kosbert.command import Command
from kosbert.inference.encoder import Embeddings

SHARE, NOISE = 0.6, 0.2
IN_MEMORY = 100_000
TOP = 10


def sentences(folder: Path) -> list[str]:
    """Return the distinct sentences of the tables in a folder."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            found.update(field for field in line.split("\t") if " " in field)
    return sorted(found)


def encode_kornlu(model: str, kornlu: Path, cache: Path | None) -> Embeddings:
    """Return the embeddings of KorNLU's sentences, kept in a file if one is given."""
    if cache is not None and cache.exists():
        return np.load(cache)
    with kosbert.load(model) as encoder:
        embeddings = normalize(encoder.encode(sentences(kornlu)))
    if cache is not None:
        np.save(cache, embeddings)
    return embeddings


def mixed(real: Embeddings, count: int, rng: np.random.Generator) -> Embeddings:
    """Make vectors of length 1 that lie as real ones do."""
    vectors = np.empty((count, real.shape[1]), np.float32)
    for start in range(0, count, 1 << 14):
        size = len(vectors[start : start + (1 << 14)])
        one, other = real[rng.integers(len(real), size=(2, size))]
        noise = rng.standard_normal(one.shape, np.float32) * np.float32(NOISE / one.shape[1] ** 0.5)
        vectors[start : start + size] = normalize(one + other * rng.random((size, 1), np.float32) * SHARE + noise)
    return vectors


class Vectors:
    """An encoder of numbers: the text n has the n-th of some vectors."""

    fingerprint = "vectors"

    def __init__(self, vectors: Embeddings) -> None:
        self.vectors = vectors
        self.dimensions = vectors.shape[1]

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the vectors of numbers."""
        return self.vectors[[int(text) for text in texts]]


def median(search: Callable[[str], object], queries: list[str]) -> float:
    """Return the median milliseconds of a query, asked one by one."""
    times = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def memory(kind: str) -> float:
    """Return MiB of this process: RssAnon is its own, RssFile what of mapped files is in memory."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(lines[kind].split()[0]) / 1024


@click.command(cls=Command)
@click.argument("model")
@click.argument("kornlu", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For the index; it is deleted after.")
@click.option("--count", default=1_000_000, show_default=True)
@click.option("--queries", default=500, show_default=True)
@click.option("--seed", default=2, show_default=True)
@click.option("--embeddings", type=click.Path(path_type=Path), help=".npy file to keep KorNLU's for another run.")
def main(
    model: str, kornlu: Path, *, folder: Path, count: int, queries: int, seed: int, embeddings: Path | None
) -> None:
    """Search vectors like those MODEL makes of the sentences under KORNLU."""
    rng = np.random.default_rng(seed)
    real = rng.permutation(encode_kornlu(model, kornlu, embeddings))
    vectors = np.concatenate([mixed(real[queries:], count, rng), real[:queries]])
    corpus, wanted = vectors[:count], vectors[count:]
    encoder, asked = Vectors(vectors), [str(row) for row in range(count, count + queries)]

    some = corpus[:IN_MEMORY]
    exact = SentenceIndex([str(row) for row in range(len(some))], some, encoder)
    click.echo(
        f"exact, {len(some):,}: median {median(lambda query: exact.search([query], top=TOP), asked):.1f} ms a query"
    )

    truth: list[NDArray[np.int64]] = [
        rescore(corpus, rows, query, TOP)[0]
        for query, rows in zip(wanted, exact_candidates(corpus, wanted, TOP), strict=True)
    ]
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    build(map(str, range(count)), encoder, folder, total=count)
    click.echo(f"index, {count:,}: built in {time.perf_counter() - began:.0f} s, encoding not counted")
    size = sum(path.stat().st_size for path in folder.iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(
        f"  disk {size / 2**20:,.0f} MiB; peak memory {peak:,.0f} MiB, of it the vectors {vectors.nbytes / 2**20:,.0f}"
    )
    own, mapped = memory("RssAnon"), memory("RssFile")
    index = open_index(folder, encoder)
    index.search(asked[:1])
    first = median(lambda query: index.search([query], top=TOP), asked)
    again = median(lambda query: index.search([query], top=TOP), asked)
    click.echo(f"  median {first:.1f} ms a query, {again:.1f} ms when asked again")
    click.echo(
        f"  memory of the open index: {memory('RssAnon') - own:,.0f} MiB, "
        f"and {memory('RssFile') - mapped:,.0f} MiB of mapped files"
    )
    found = index.search(asked, top=TOP)
    hits = [len({hit.row for hit in each} & {*rows.tolist()}) for each, rows in zip(found, truth, strict=True)]
    click.echo(f"  recall at {TOP}: {sum(hits) / TOP / queries:.4f}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
