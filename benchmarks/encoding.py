"""How fast encoding is against plain `SentenceTransformer.encode`, and what it costs in score.

    python benchmarks/encoding.py models/sts data/tune/tune_test.tsv

Ours is in bf16 where the processor multiplies in it, else in fp32; in int8; and exported. All take turns on the same
sentences, in one process; what is shown are medians of the ratios. The sentences of the test set are encoded as an
evaluation does it, both sides of all pairs at once: 2,514 of KorSTS's 2,758 are distinct. The time to a first embedding
is that of a new process, imports and loading included.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from operator import truediv
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from kosbert.apps import exported
from kosbert.inference.export import export
from kosbert.data.tables import read_tune
from kosbert.encoder.model import load
from kosbert.encoder.encode import encode, has_bf16
from kosbert.errors import Command
from kosbert.inference.convert import Int8Encoder

LONG = 200  # characters
WARM = 128  # sentences before the first time is taken
FIRST = {  # programs that make one embedding
    "plain": "from sentence_transformers import SentenceTransformer as load",
    "exported": "from kosbert.inference.exported import load",
}
Encode = Callable[[list[str]], NDArray[np.float32]]


def lengthened(sentences: list[str]) -> Iterator[str]:
    """Join sentences to texts of about `LONG` characters."""
    text = ""
    for sentence in sentences:
        text = f"{text} {sentence}".strip()
        if len(text) >= LONG:
            yield text[:LONG]
            text = ""


def timed(way: Encode, sentences: list[str]) -> tuple[float, NDArray[np.float32]]:
    """Return the seconds that encoding took, and the embeddings of length 1."""
    began = time.perf_counter()
    embeddings = way(sentences)
    return time.perf_counter() - began, embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def compare(ways: dict[str, Encode], sentences: list[str], rounds: int) -> dict[str, NDArray[np.float32]]:
    """Print the rate of `plain`, and of the others the median ratio and the lowest cosine; return the embeddings."""
    found = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(timed(way, sentences))
    seconds = {name: [each for each, _ in results] for name, results in found.items()}
    embeddings = {name: results[0][1] for name, results in found.items()}
    click.echo(f"  plain: {len(sentences) / statistics.median(seconds['plain']):.0f} a second")
    for name in [*ways][1:]:
        ratio = statistics.median(map(truediv, seconds["plain"], seconds[name]))
        cosine = (embeddings["plain"] * embeddings[name]).sum(axis=1).min()
        click.echo(f"  {name}: {ratio:.2f} times that, lowest cosine {cosine:.4f}")
    return embeddings


def first(load: str, folder: Path, rounds: int) -> float:
    """Return the median seconds of a program that loads a model and makes one embedding."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        program = f"{load}\nload({str(folder)!r}).encode(['비가 온다.'])"
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@click.command(cls=Command)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
@click.option("--rounds", default=3, show_default=True)
def main(model: Path, test: Path, rounds: int) -> None:
    """Compare on the sentences of TEST, and on texts of 200 characters made of them."""
    with tempfile.TemporaryDirectory() as place:
        for precision in ("fp32", "int8"):
            export(str(model), Path(place, precision), precision=precision)
        click.echo("to a first embedding, in a new process:")
        for name, load_it in FIRST.items():
            folder = model if name == "plain" else Path(place, "fp32")
            click.echo(f"  {name}: {first(load_it, folder, rounds):.1f} s")
        measure(model, Path(place), test, rounds)


def measure(model: Path, exports: Path, test: Path, rounds: int) -> None:
    """Compare all ways on the two kinds of text."""
    encoder = load(model)
    pairs = [*read_tune(test)]
    sentences = [pair[side] for side in (0, 1) for pair in pairs]
    ways: dict[str, Encode] = {
        "plain": lambda sentences: encoder.encode(sentences, batch_size=32),
        "bf16" if has_bf16(encoder.device) else "fp32": lambda sentences: encode(encoder, sentences),
        "int8": Int8Encoder(encoder).encode,
        "exported in fp32": exported.load(exports / "fp32").encode,
        "exported in int8": exported.load(exports / "int8").encode,
    }
    for way in ways.values():
        way(sentences[:WARM])
    texts = [*lengthened([*dict.fromkeys(sentences)])]
    click.echo(f"{len(texts):,} texts of {LONG} characters")
    compare(ways, texts, rounds)
    click.echo(f"{len(sentences):,} sentences of the test set")
    for name, embeddings in compare(ways, sentences, rounds).items():
        left, right = np.split(embeddings, 2)
        figure = spearmanr([pair[2] for pair in pairs], (left * right).sum(axis=1)).statistic
        click.echo(f"  {name}: cosine Spearman {100 * figure:.2f}")


if __name__ == "__main__":
    main()
