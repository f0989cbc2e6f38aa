"""Compare the encoders of `kosbert.load` with plain `SentenceTransformer.encode`: their speed and their score.

    python benchmarks/encoding.py models/sts data/tune/tune_test.tsv

The encoders are those of precision auto (bf16 where the hardware has it, else fp32), of int8, and of exports. All take
turns on the same sentences, in one process; the ratios are medians. The sentences of the test set are encoded as in an
evaluation, both sides of all pairs at once: 2,514 of KorSTS's 2,758 are distinct. The time to a first embedding is that
of a new process, imports and loading included.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

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

import kosbert
from kosbert.command import Command

LENGTH = 200  # characters of a long text
FORMATS, PRECISIONS = ("openvino", "onnx"), ("fp32", "int8")  # of the exports
WARM_UP = 128  # sentences that are encoded before any time is taken
IMPORTS = {  # of programs that make one embedding
    "plain": "from sentence_transformers import SentenceTransformer as load",
    "ours": "from kosbert import load",
    "exported": "from kosbert import load",
}
Encode = Callable[[list[str]], NDArray[np.float32]]


def long_texts(sentences: list[str]) -> Iterator[str]:
    """Join sentences to texts of `LENGTH` characters."""
    text = ""
    for sentence in sentences:
        text = f"{text} {sentence}".strip()
        if len(text) >= LENGTH:
            yield text[:LENGTH]
            text = ""


def timed(encode: Encode, sentences: list[str]) -> tuple[float, NDArray[np.float32]]:
    """Return the seconds that encoding took, and the embeddings of length 1."""
    began = time.perf_counter()
    embeddings = encode(sentences)
    return time.perf_counter() - began, embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def compare(encoders: dict[str, Encode], sentences: list[str], rounds: int) -> dict[str, NDArray[np.float32]]:
    """Print the rate of `plain`, and of the others the median ratio and the lowest cosine; return the embeddings."""
    results = {name: [] for name in encoders}
    for _ in range(rounds):
        for name, encode in encoders.items():
            results[name].append(timed(encode, sentences))
    seconds = {name: [each for each, _ in rows] for name, rows in results.items()}
    embeddings = {name: rows[0][1] for name, rows in results.items()}
    click.echo(f"  plain: {len(sentences) / statistics.median(seconds['plain']):.0f} a second")
    for name in [*encoders][1:]:
        ratio = statistics.median(map(truediv, seconds["plain"], seconds[name]))
        cosine = (embeddings["plain"] * embeddings[name]).sum(axis=1).min()
        click.echo(f"  {name}: {ratio:.2f} times that, lowest cosine {cosine:.4f}")
    return embeddings


def time_to_first(import_load: str, folder: Path, rounds: int) -> float:
    """Return the median seconds of a program that loads a model and makes one embedding."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        program = f"{import_load}\nload({str(folder)!r}).encode(['비가 온다.'])"
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@click.command(cls=Command)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
@click.option("--rounds", default=3, show_default=True)
def main(model: Path, test: Path, rounds: int) -> None:
    """Compare on the sentences of TEST, and on texts of 200 characters made of them."""
    from kosbert.inference.export import export

    with tempfile.TemporaryDirectory() as exports:
        for name in FORMATS:
            export(str(model), Path(exports, name), formats=[name], precisions=PRECISIONS)
        click.echo("to a first embedding, in a new process:")
        for name, import_load in IMPORTS.items():
            folder = Path(exports, "openvino") if name == "exported" else model
            click.echo(f"  {name}: {time_to_first(import_load, folder, rounds):.1f} s")
        measure(model, Path(exports), test, rounds)


def measure(model: Path, exports: Path, test: Path, rounds: int) -> None:
    """Compare all encoders on the two kinds of text."""
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer

    from kosbert.data.tables import read_tune

    pairs = [*read_tune(test)]
    sentences = [pair[side] for side in (0, 1) for pair in pairs]
    loaded = {
        "auto": kosbert.load(model),
        "int8": kosbert.load(model, precision="int8"),
        **{
            f"exported to {name} in {precision}": kosbert.load(exports / name, precision=precision)
            for name in FORMATS
            for precision in PRECISIONS
        },
    }
    encoders: dict[str, Encode] = {"plain": SentenceTransformer(str(model)).encode}
    for name, encoder in loaded.items():
        encoders[f"{name} ({encoder.fingerprint.partition(':')[2]})"] = encoder.encode
    for encode in encoders.values():
        encode(sentences[:WARM_UP])
    texts = [*long_texts([*dict.fromkeys(sentences)])]
    click.echo(f"{len(texts):,} texts of {LENGTH} characters")
    compare(encoders, texts, rounds)
    click.echo(f"{len(sentences):,} sentences of the test set")
    for name, embeddings in compare(encoders, sentences, rounds).items():
        left, right = np.split(embeddings, 2)
        score = spearmanr([pair[2] for pair in pairs], (left * right).sum(axis=1)).statistic
        click.echo(f"  {name}: cosine Spearman {100 * score:.2f}")


if __name__ == "__main__":
    main()
