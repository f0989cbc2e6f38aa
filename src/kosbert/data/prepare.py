"""From upstream KorNLU to the tables that the pipeline trains and evaluates on; whatever is left out is counted."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from kosbert.data.tables import Read, Row, read_kornli, read_korsts, write_nli, write_tune
from kosbert.errors import KosbertError
from kosbert.params import Dataset, Source

SHOWN = 3  # examples of skipped rows in a message


def prepare_sts(dataset: Dataset, raw: Path, tune: Path) -> Iterable[str]:
    """Write `tune_train.tsv`, `tune_dev.tsv` and `tune_test.tsv`, and yield a line about each.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    for split in ("train", "dev", "test"):
        source = getattr(dataset.sts, split)
        read = read_korsts(raw / source.path)
        _check(read, source)
        out = tune / f"tune_{split}.tsv"
        write_tune(out, read.rows)
        yield _line(out, [read])


def prepare_nli(dataset: Dataset, raw: Path, out: Path) -> str:
    """Write one table of all NLI files, in their order, and return a line about it.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    reads = []
    for source in dataset.nli:
        read = read_kornli(raw / source.path)
        _check(read, source)
        reads.append(read)
    write_nli(out, chain.from_iterable(read.rows for read in reads))
    return _line(out, reads)


def _check(read: Read[Row], source: Source) -> None:
    found = len(read.rows) + len(read.skipped)
    if found != source.rows:
        raise KosbertError(f"{source.path}: expected {source.rows:,} rows, found {found:,}")
    if len(read.skipped) > source.skip_at_most:
        raise KosbertError(
            f"{source.path}: {len(read.skipped):,} rows cannot be used, at most {source.skip_at_most:,} expected "
            f"(skip_at_most in params.yaml):\n{_examples(read.skipped)}"
        )


def _line(out: Path, reads: list[Read[Row]]) -> str:
    rows = sum(len(read.rows) for read in reads)
    skipped = [line for read in reads for line in read.skipped]
    return f"{out}: {rows:,} rows, {len(skipped):,} skipped" + (f":\n{_examples(skipped)}" if skipped else "")


def _examples(skipped: list[str]) -> str:
    more = [f"  and {len(skipped) - SHOWN:,} more"] if len(skipped) > SHOWN else []
    return "\n".join([f"  {line}" for line in skipped[:SHOWN]] + more)
