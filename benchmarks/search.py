"""How fast search is, exactly and in an index on disk, and how much of the exact result the index finds.

    python benchmarks/search.py models/nli_sts data/raw --folder build/index

A million Korean sentences are not at hand, so their vectors are made: the distinct sentences of KorNLU (25,391) are
encoded, and each vector is one of them, mixed with a random share (to 0.6) of another and with noise (0.2 of its
length), then scaled to length 1. Queries are sentences that the corpus has none of, as they are. Among 24,391 vectors
so made, a graph finds less than among the real ones (with 40 candidates 0.914 and 0.949 of the ten nearest), so they do
not flatter it. `--seed` gives other vectors and queries: choose the parameters of the index on seed 1, report seed 2.

`--data gaussian` takes vectors without any structure, and `--data clustered` tight groups in the order of the groups;
their queries are drawn as the corpus is. With `--repeats 900000`, so many of the rows repeat another: half of them one
and the same sentence, the others any.
"""

import resource
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import kosbert
from kosbert.apps.index import build, open_index
from kosbert.apps.repeats import Numbering
from kosbert.apps.search import Hit, SentenceIndex, normalize
from kosbert.command import Command
from kosbert.inference.encoder import Embeddings

SHARE, NOISE = 0.6, 0.2
CLUSTERS = 1_000
IN_MEMORY = 100_000
OWN = 1_000  # sentences of the corpus that are searched for
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


def gaussian(count: int, dimensions: int, rng: np.random.Generator) -> Embeddings:
    """Make vectors of length 1 in random directions."""
    return normalize(rng.standard_normal((count, dimensions), np.float32))


def clustered(count: int, dimensions: int, spread: float, rng: np.random.Generator) -> Embeddings:
    """Make vectors of length 1 in groups, one group after the other.

    Args:
        count: the number of vectors.
        dimensions: the number of dimensions.
        spread: how far from its centre, which has length 1, a vector is.
        rng: the source of random numbers.
    """
    centres = gaussian(CLUSTERS, dimensions, rng)[np.sort(rng.integers(CLUSTERS, size=count))]
    return normalize(centres + rng.standard_normal(centres.shape, np.float32) * np.float32(spread / dimensions**0.5))


def repeated(rows: int, repeats: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the number of each row's text; texts are numbered in the order of their first rows."""
    texts = rows - repeats
    others = rng.integers(texts, size=repeats)
    others[: repeats // 2] = 0
    numbers = np.concatenate([np.arange(texts), others])
    return pd.factorize(rng.permutation(numbers) if repeats else numbers)[0]


class Vectors:
    """An encoder of numbers: the text n has the n-th of some vectors."""

    fingerprint, max_length = "vectors", None

    def __init__(self, vectors: Embeddings) -> None:
        self.vectors = vectors
        self.dimensions = vectors.shape[1]

    def encode(self, texts: Sequence[str]) -> Embeddings:
        """Return the vectors of numbers."""
        return self.vectors[[int(text) for text in texts]]

    def count_truncated(self, _: Sequence[str]) -> int:
        """Return 0: a number is never too long."""
        return 0


def median(search: Callable[[str], object], queries: list[str]) -> float:
    """Return the median milliseconds of a query, asked one by one."""
    times = []
    for query in queries:
        began = time.perf_counter()
        search(query)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def exact_search(encoder: Vectors, count: int, asked: list[str]) -> float:
    """Return the median milliseconds of a query among so many sentences in memory."""
    index = SentenceIndex.from_sentences([str(number) for number in range(count)], encoder)
    return median(lambda query: index.search([query], top=TOP), asked)


def recall(found: list[list[Hit]], expected: list[list[Hit]]) -> float:
    """Return the share of the expected rows that were found."""
    pairs = zip(found, expected, strict=True)
    hits = [len({hit.row for hit in some} & {hit.row for hit in wanted}) for some, wanted in pairs]
    return sum(hits) / sum(map(len, expected))


def memory(kind: str) -> float:
    """Return MiB of this process: RssAnon is its own, RssFile what of mapped files is in memory."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(lines[kind].split()[0]) / 1024


@click.command(cls=Command)
@click.argument("model")
@click.argument("kornlu", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For the index; it is deleted after.")
@click.option("--count", default=1_000_000, show_default=True, help="Rows of the corpus.")
@click.option("--repeats", default=0, show_default=True, help="How many of the rows repeat another one.")
@click.option("--data", type=click.Choice(["kornlu", "gaussian", "clustered"]), default="kornlu", show_default=True)
@click.option("--spread", default=0.1, show_default=True, help="How far clustered vectors are from their centre.")
@click.option("--queries", default=500, show_default=True)
@click.option("--seed", default=2, show_default=True)
@click.option("--embeddings", type=click.Path(path_type=Path), help=".npy file to keep KorNLU's for another run.")
def main(
    model: str,
    kornlu: Path,
    *,
    folder: Path,
    count: int,
    repeats: int,
    data: str,
    spread: float,
    queries: int,
    seed: int,
    embeddings: Path | None,
) -> None:
    """Search vectors like those MODEL makes of the sentences under KORNLU."""
    rng = np.random.default_rng(seed)
    real = rng.permutation(encode_kornlu(model, kornlu, embeddings))
    distinct = count - repeats
    if data == "kornlu":
        vectors = np.concatenate([mixed(real[queries:], distinct, rng), real[:queries]])
    elif data == "gaussian":
        vectors = gaussian(distinct + queries, real.shape[1], rng)
    else:
        vectors = clustered(distinct + queries, real.shape[1], spread, rng)
        chosen = np.zeros(len(vectors), bool)
        chosen[rng.choice(len(vectors), queries, replace=False)] = True
        vectors = np.concatenate([vectors[~chosen], vectors[chosen]])
    encoder, asked = Vectors(vectors), [str(number) for number in range(distinct, distinct + queries)]

    some = min(distinct, IN_MEMORY)
    click.echo(f"exact, {some:,}: median {exact_search(encoder, some, asked):.1f} ms a query")

    numbers, numbering = repeated(count, repeats, rng), Numbering()
    for number in numbers.tolist():
        numbering.add(str(number).encode())
    texts, rows = [str(number) for number in range(distinct)], numbering.groups()
    truths = {
        dtype: SentenceIndex(texts, vectors[:distinct].astype(dtype), encoder, rows=rows).search(asked, top=TOP)
        for dtype in ("float32", "float16")
    }
    del numbering

    shutil.rmtree(folder, ignore_errors=True)
    before, began = memory("RssAnon"), time.perf_counter()
    built = build(map(str, numbers.tolist()), encoder, folder, total=count)
    click.echo(f"index, {count:,}: built in {time.perf_counter() - began:.0f} s, encoding not counted: {built}")
    size = sum(path.stat().st_size for path in folder.iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(
        f"  disk {size / 2**20:,.0f} MiB; peak memory {peak:,.0f} MiB, of it {before:,.0f} before, "
        f"with the vectors' {vectors.nbytes / 2**20:,.0f}"
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
    for dtype, truth in truths.items():
        click.echo(f"  recall at {TOP}, against exact search in {dtype}: {recall(found, truth):.4f}")
    sample = [str(number) for number in rng.choice(distinct, min(OWN, distinct), replace=False)]
    first_hits = [found[0].text for found in index.search(sample, top=1)]
    same = sum(one == other for one, other in zip(first_hits, sample, strict=True))
    click.echo(f"  {same / len(sample):.4f} of its own sentences find themselves first")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
