"""Whether `kosbert encode` keeps its memory and survives being killed, and how fast it is against plain `encode`.

    python benchmarks/bulk.py models/nli_sts corpus.txt

The command runs in processes of its own: over the first twentieth of the file, over all of it with one process and with
two, and over all again, killed three times. Then it and plain `SentenceTransformer.encode` take turns on the first
sentences, in one process, and so do one process with 1, 2, 4 ... threads and as many processes with one thread each.

    python benchmarks/bulk.py models/nli_sts corpus.txt --only-cores
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from operator import truediv
from pathlib import Path

import click

from kosbert.command import Command

KILLS = 3
WARM = 64  # sentences before the first time is taken


def start(model: str, source: Path, out: Path, part: int, processes: int = 1) -> subprocess.Popen[bytes]:
    """Start the command."""
    options = ["--out", str(out), "--part", str(part), "--processes", str(processes)]
    command = [sys.executable, "-m", "kosbert", "encode", model, str(source), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def peak(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process, and return the most memory it had, in MB."""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise click.ClickException(f"encoding ended with status {status}")
    return used.ru_maxrss / 1024


def run_killed(model: str, source: Path, out: Path, part: int, texts: int) -> list[int]:
    """Encode, killed each time that another quarter is finished; return how many rows were finished each time."""
    finished, rows = out.parent / f".{out.name}.parts/finished", []
    for number in range(1, KILLS + 1):
        process = start(model, source, out, part)
        while not finished.exists() or (
            len(finished.read_bytes().split()) * part < number * texts / (KILLS + 1) and process.poll() is None
        ):
            time.sleep(0.02)
        process.kill()
        process.wait()
        rows.append(len(finished.read_bytes().split()) * part)
    peak(start(model, source, out, part))
    return rows


def compare(model: str, sentences: list[str], part: int, rounds: int, folder: Path) -> None:
    """Print the rates of plain encoding and ours, and the median of their ratio."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    import kosbert
    from kosbert.apps.bulk import encode_file

    plain_model, encoder = SentenceTransformer(model), kosbert.load(model)
    source, out = folder / "compared.txt", folder / "compared.npy"
    source.write_text("".join(f"{sentence}\n" for sentence in sentences), encoding="utf-8")
    seconds: dict[str, list[float]] = {"plain": [], "ours": []}
    plain_model.encode(sentences[:WARM])
    encoder.encode(sentences[:WARM])
    for _ in range(rounds):
        began = time.perf_counter()
        plain = plain_model.encode(sentences, batch_size=32)
        seconds["plain"].append(time.perf_counter() - began)
        began = time.perf_counter()
        encode_file(encoder, source, out, part_rows=part, overwrite=True)
        seconds["ours"].append(time.perf_counter() - began)
    apart = np.abs(np.load(out) - plain).max()
    rates = {name: len(sentences) / statistics.median(each) for name, each in seconds.items()}
    ratio = statistics.median(map(truediv, seconds["plain"], seconds["ours"]))
    click.echo(
        f"{len(sentences):,} sentences: plain {rates['plain']:.0f} a second, ours {rates['ours']:.0f}: "
        f"{ratio:.2f} times; embeddings differ by at most {apart:.1e}"
    )


def compare_cores(model: str, sentences: list[str], rounds: int) -> None:
    """Print the rate of one process with several threads, and of as many processes with one thread each."""
    import torch

    import kosbert
    from kosbert.inference.graph import usable_cores

    cores = [1 << power for power in range(usable_cores().bit_length()) if 1 << power <= usable_cores()]
    seconds: dict[tuple[int, int], list[float]] = {}
    for _ in range(rounds):
        for threads, processes in dict.fromkeys(way for count in cores for way in ((count, 1), (1, count))):
            os.environ["OMP_NUM_THREADS"] = str(threads * processes)  # which processes share
            torch.set_num_threads(threads)
            with kosbert.load(model, devices=["cpu"] * processes) as encoder:
                encoder.encode(sentences[: WARM * processes])
                began = time.perf_counter()
                encoder.encode(sentences)
                seconds.setdefault((threads, processes), []).append(time.perf_counter() - began)
    alone = seconds[1, 1]
    for (threads, processes), each in seconds.items():
        times = statistics.median(map(truediv, alone, each))
        rate = len(sentences) / statistics.median(each)
        click.echo(f"processes {processes}, threads of each {threads}: {rate:.0f} a second, {times:.2f} times one core")


@click.command(cls=Command)
@click.argument("model")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--part", default=5_000, show_default=True)
@click.option("--sentences", default=2_000, show_default=True, help="For the comparison with plain encoding.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--only-cores", is_flag=True, help="Only show what more cores give.")
def main(model: str, corpus: Path, *, part: int, sentences: int, rounds: int, only_cores: bool) -> None:
    """Encode CORPUS, a text a line, with MODEL."""
    from kosbert.files import digest
    from kosbert.readers.texts import open_texts

    with open_texts(corpus) as opened:
        texts = [*opened]
    if only_cores:
        compare_cores(model, texts[:sentences], rounds)
        return
    with tempfile.TemporaryDirectory(dir=corpus.parent) as name:
        folder = Path(name)
        few_texts = folder / "few.txt"
        few_texts.write_text("".join(f"{text}\n" for text in islice(texts, len(texts) // 20)), encoding="utf-8")
        few = peak(start(model, few_texts, folder / "few.npy", part))
        began = time.perf_counter()
        peak(start(model, corpus, folder / "two.npy", part, processes=2))
        click.echo(f"two processes: {len(texts):,} rows in {time.perf_counter() - began:.0f} s")
        for end in (".npy", ".parquet"):
            began = time.perf_counter()
            many = peak(start(model, corpus, folder / f"whole{end}", part))
            click.echo(
                f"{end}: {len(texts):,} rows in {time.perf_counter() - began:.0f} s; "
                f"peak memory {many:.0f} MB, with a twentieth of them {few:.0f} MB"
            )
            rows = run_killed(model, corpus, folder / f"killed{end}", part, len(texts))
            same = digest(folder / f"whole{end}", "sha256") == digest(folder / f"killed{end}", "sha256")
            click.echo(f"{end}: killed after {rows} rows: {'the same bytes' if same else 'OTHER bytes'}")
        compare(model, texts[:sentences], part, rounds, folder)
    compare_cores(model, texts[:sentences], rounds)


if __name__ == "__main__":
    main()
