"""Measure how long a command takes from start to end, against a bare `import sentence_transformers`.

    python benchmarks/startup.py models/best data/tune/tune_dev.tsv

Each time is that of a whole process, on the first sentences of the table; all take turns, and times and ratios are
medians. The exported model is in fp32, for OpenVINO, in a folder that is deleted afterwards.
"""

# ruff: noqa: PLC0415 - see `kosbert.command`

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from operator import truediv
from pathlib import Path

import click

from kosbert.command import Command

BARE = "import sentence_transformers"
QUERY = "한 남자가 기타를 친다."


def commands(model: Path, exported: Path, test: Path, sentences: int, folder: Path) -> dict[str, list[str]]:
    """Write the input files of the commands into a folder, and return the arguments of Python by what is measured."""
    from kosbert.data.tables import read_tune

    corpus, pairs = folder / "corpus.txt", folder / "pairs.tsv"
    lines = test.read_text(encoding="utf-8").splitlines(keepends=True)
    pairs.write_text("".join(lines[: sentences // 2 + 1]), encoding="utf-8")
    texts = [sentence for *both, _ in read_tune(pairs) for sentence in both]
    corpus.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    given: dict[str, list[str | Path | int]] = {
        "search, exported model": ["search", exported, corpus, QUERY],
        "search": ["search", model, corpus, QUERY],
        "index": ["index", model, corpus, folder / "index"],
        "search in the index, exported model": ["search", exported, folder / "index", QUERY],
        "search in the index": ["search", model, folder / "index", QUERY],
        "encode": ["encode", model, corpus, "--out", folder / "out.npy", "--overwrite"],
        "evaluate": ["evaluate", model, pairs],
        "cluster": ["cluster", model, corpus, "--groups", 5],
        "--help": ["--help"],
    }
    return {
        BARE: ["-c", BARE],
        **{name: ["-m", "kosbert", *map(str, arguments)] for name, arguments in given.items()},
    }


def seconds(arguments: list[str]) -> float:
    """Return the seconds that a process of Python takes."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(arguments)}: {done.stderr}")
    return time.perf_counter() - began


@click.command(cls=Command)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("test", type=click.Path(path_type=Path))
@click.option("--sentences", default=100, show_default=True, help="Of the table, that the commands read.")
@click.option("--rounds", default=5, show_default=True)
def main(model: Path, test: Path, sentences: int, rounds: int) -> None:
    """Measure commands with MODEL on the first sentences of TEST, a table of pairs as those of data/tune."""
    from kosbert.inference.export import export

    with tempfile.TemporaryDirectory() as work_dir:
        folder = Path(work_dir)
        export(str(model), folder / "exported", formats=["openvino"], precisions=["fp32"])
        programs = commands(model, folder / "exported", test, sentences, folder)
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(rounds):
            shutil.rmtree(folder / "index", ignore_errors=True)
            for name, arguments in programs.items():
                times[name].append(seconds(arguments))
    for name, found in times.items():
        ratio = statistics.median(map(truediv, found, times[BARE]))
        click.echo(f"{name}: {statistics.median(found):.2f} s, {ratio:.2f} times a bare import")


if __name__ == "__main__":
    main()
