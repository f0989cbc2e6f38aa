"""How fast `kosbert.encoding.encode` is against plain `SentenceTransformer.encode` in fp32, and what it costs in score.

    python benchmarks/encoding.py models/sts data/tune/tune_test.tsv

Both take turns on the same portions of sentences, in one process; what is shown are medians of the ratios.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from kosbert.data.tables import read_tune
from kosbert.encoder import load
from kosbert.encoding import encode
from kosbert.errors import Command
from kosbert.evaluation.scores import evaluate

PORTION = 256  # sentences
LONG = 200  # characters
Encode = Callable[[list[str]], NDArray[np.float32]]


def lengthened(sentences: list[str]) -> Iterator[str]:
    """Join sentences to texts of about `LONG` characters."""
    text = ""
    for sentence in sentences:
        text = f"{text} {sentence}".strip()
        if len(text) >= LONG:
            yield text[:LONG]
            text = ""


def compared(plain: Encode, fast: Encode, sentences: list[str]) -> tuple[float, float, float]:
    """Return plain sentences a second, the median ratio, and the lowest cosine of an embedding with its plain one."""
    rates, ratios, cosines = [], [], []
    for start in range(0, len(sentences) - PORTION + 1, PORTION):
        portion = sentences[start : start + PORTION]
        seconds, embeddings = zip(*(timed(way, portion) for way in (plain, fast)), strict=True)
        rates.append(PORTION / seconds[0])
        ratios.append(seconds[0] / seconds[1])
        lengths = [np.linalg.norm(part, axis=1) for part in embeddings]
        cosines.append(((embeddings[0] * embeddings[1]).sum(axis=1) / lengths[0] / lengths[1]).min())
    return statistics.median(rates), statistics.median(ratios), float(min(cosines))


def timed(way: Encode, portion: list[str]) -> tuple[float, NDArray[np.float32]]:
    """Return the seconds that encoding took, and the embeddings."""
    began = time.perf_counter()
    embeddings = way(portion)
    return time.perf_counter() - began, embeddings


@click.command(cls=Command)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
def main(model: Path, test: Path) -> None:
    """Compare on the distinct sentences of TEST, and on texts of 200 characters made of them."""
    encoder = load(model)
    pairs = list(read_tune(test))
    distinct = list(dict.fromkeys(sentence for pair in pairs for sentence in pair[:2]))
    kinds = {"sentences of the test set": distinct, f"texts of {LONG} characters": list(lengthened(distinct))}

    def plain(portion: list[str]) -> NDArray[np.float32]:
        return encoder.encode(portion, batch_size=32)

    def fast(portion: list[str]) -> NDArray[np.float32]:
        return encode(encoder, portion)

    for way in (plain, fast):
        way(distinct[:PORTION])  # once before, so that nothing is started within the times
    for kind, sentences in kinds.items():
        rate, ratio, cosine = compared(plain, fast, sentences)
        click.echo(f"{kind}: plain {rate:.0f} a second, ours {ratio:.2f} times that, lowest cosine {cosine:.5f}")
    scores = [evaluate(encoder, test, bf16=bf16)["cosine_spearman"] for bf16 in (False, None)]
    click.echo(f"cosine Spearman: {scores[0]:.2f} in fp32, {scores[1]:.2f} ours")


if __name__ == "__main__":
    main()
