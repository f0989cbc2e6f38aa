"""Fuzz a reader: bytes are mutated, and those that reach new code are mutated further.

    python tests/fuzz.py weights --minutes 10                 # needs atheris: pip install '.[fuzz]'
    python tests/fuzz.py weights build/fuzz/weights/crash-…   # reads an input again, without atheris

A reader accepts an input, or refuses it with a `KosbertError` of one line. Anything else is a failure, and so is more
than `SECONDS` or `MEMORY`. The input of a failure is kept in build/fuzz/TARGET; the inputs that reached new code, with
which the next run continues, in build/fuzz/TARGET/reached.
"""

import resource
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parents[1]
SECONDS = 10
MEMORY = 1 << 30  # bytes, beyond what the program uses before it reads anything
MAX_BYTES = 1 << 16  # bytes of an input


class Target(NamedTuple):
    """A reader of files, the ending of their names, and files to begin with."""

    read: object
    ending: str
    seeds: list[Path]


def targets(folder):
    """Return the targets by name; files to begin with that are not in the project are made in `folder`."""
    import pandas  # noqa: PLC0415 - slow to import
    from support.q4 import whole_tensors, write_q4  # noqa: PLC0415 - atheris watches what is imported late

    from kosbert.base import e5, q4  # noqa: PLC0415
    from kosbert.data import tables  # noqa: PLC0415
    from kosbert.readers import pairs, texts  # noqa: PLC0415

    weights = [write_q4(folder / "one.bin", {"x": (0, 4, bytes(16))}), write_q4(folder / "all.bin", whole_tensors())]
    sts, nli = ROOT / "data/sample/KorSTS/sts-dev.tsv", ROOT / "data/sample/KorNLI/nli.train.ko.tsv"
    tune, table, csv = folder / "tune.tsv", folder / "nli.tsv", folder / "all.csv"
    tables.write_tune(tune, list(tables.read_korsts(sts).rows)[:20])
    tables.write_nli(table, list(tables.read_kornli(nli).rows)[:20])
    csv.write_text('\ufeffid,text\r\n1,"눈이, 온다"\r\n2,"그는 ""네"" 했다"\n', encoding="utf-8")
    lines, array, old, book = (folder / name for name in ("all.jsonl", "all.json", "old.txt", "all.xlsx"))
    lines.write_text('{"text": "눈이 온다", "id": 1}\n\n{"text": null, "id": 2}\n', encoding="utf-8")
    array.write_text('["눈이 온다", null, "비"]', encoding="utf-8")
    old.write_text("오늘은 하늘이 맑고, 어제는 비가 왔다.\n", encoding="cp949")
    pandas.DataFrame({"id": [1, 2.5], "text": ["눈", None]}).to_excel(book, index=False)
    short = [_head(path, folder) for path in (sts, nli)]

    def every_tensor(path):
        file = q4.Q4File(path)
        for name, entry in file._directory.items():
            file.tensor(name, entry.elements // 32, 32)

    return {
        "weights": Target(every_tensor, ".bin", weights),
        "base": Target(e5.convert, ".bin", weights),
        "korsts": Target(lambda path: [*tables.read_korsts_sources(path).rows], ".tsv", short[:1]),
        "kornli": Target(lambda path: [*tables.read_kornli(path).rows], ".tsv", short[1:]),
        "tune": Target(lambda path: [*tables.read_tune(path)], ".tsv", [tune]),
        "nli": Target(lambda path: [*tables.read_nli(path)], ".tsv", [table]),
        "pairs": Target(pairs.read_pairs, ".tsv", [*short, tune]),
        "texts-tsv": Target(partial(texts.read_filled, column="sentence1"), ".tsv", [*short, table]),
        "texts-csv": Target(texts.read_filled, ".csv", [csv]),
        "texts-jsonl": Target(texts.read_filled, ".jsonl", [lines]),
        "texts-json": Target(texts.read_filled, ".json", [array]),
        "texts-xlsx": Target(texts.read_filled, ".xlsx", [book]),
        "texts": Target(texts.read_filled, ".txt", [csv, tune, old]),
    }


def _head(path, folder):
    """Copy the first lines of a table: mutations reach little of a long file."""
    head = folder / path.name
    head.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:20]))
    return head


def limit_memory():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@click.command()
@click.argument("name", metavar="TARGET")
@click.argument("inputs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--seed", default=1, show_default=True, help="Seed of the mutations.")
def main(name, inputs, minutes, seed):
    """Fuzz TARGET, or read INPUTS again that have failed before."""
    sys.path.insert(0, str(ROOT / "tests"))
    with tempfile.TemporaryDirectory() as folder:
        if inputs:
            target = _target(name, Path(folder))
            limit_memory()
            for path in inputs:
                signal.alarm(SECONDS)
                _read(target, path.read_bytes(), Path(folder))
                click.echo(f"{path}: read or properly refused")
            return
        _fuzz(name, Path(folder), minutes, seed)


def _target(name, folder):
    found = targets(folder)
    if name not in found:
        raise click.UsageError(f"no target {name}; there are {', '.join(found)}")
    return found[name]


def _read(target, data, folder):
    from support.refusals import read_or_refused  # noqa: PLC0415

    path = folder / f"input{target.ending}"
    path.write_bytes(data)
    read_or_refused(target.read, path)


def _fuzz(name, folder, minutes, seed):
    import atheris  # noqa: PLC0415 - an extra, which reading an input again does without

    with atheris.instrument_imports(include=["kosbert.data", "kosbert.readers", "kosbert.base.q4", "kosbert.base.e5"]):
        target = _target(name, folder)
    out = ROOT / "build/fuzz" / name
    (out / "reached").mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(target.seeds):
        (out / "reached" / f"seed-{number}").write_bytes(path.read_bytes())
    options = {"max_total_time": max(1, round(60 * minutes)), "timeout": SECONDS, "max_len": MAX_BYTES, "seed": seed}
    options |= {"rss_limit_mb": 0, "artifact_prefix": f"{out}/", "print_final_stats": 1}
    limit_memory()
    atheris.Setup(
        [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(out / "reached")],
        lambda data: _read(target, data, folder),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
