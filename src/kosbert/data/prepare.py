"""Prepare the tables that the pipeline trains and evaluates on, from upstream KorNLU; skipped rows are counted.

Rows are passed on one by one, and a table is in place only once all of its rows are read and there are enough of them.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from kosbert.data.tables import MAX_EXAMPLES, Read, Row, Skipped, read_kornli, read_korsts, write_nli, write_tune
from kosbert.errors import KosbertError
from kosbert.params import DataFile, Dataset


def prepare_sts(dataset: Dataset, raw: Path, tune: Path) -> Iterable[str]:
    """Write `tune_train.tsv`, `tune_dev.tsv` and `tune_test.tsv`, and yield a line about each.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    for split in ("train", "dev", "test"):
        file = getattr(dataset.sts, split)
        read = read_korsts(raw / file.path)
        out = tune / f"tune_{split}.tsv"
        write_tune(out, _checked(read, file))
        yield _summary(out, [file], [read.skipped])


def prepare_nli(dataset: Dataset, raw: Path, out: Path) -> str:
    """Write one table of all NLI files, in their order, and return a line about it.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    reads = [read_kornli(raw / file.path) for file in dataset.nli]
    write_nli(out, chain.from_iterable(map(_checked, reads, dataset.nli)))
    return _summary(out, dataset.nli, [read.skipped for read in reads])


def _checked(read: Read[Row], file: DataFile) -> Iterator[Row]:
    """Yield the rows of a file, and raise after the last one if they are not as declared."""
    usable = 0
    for row in read.rows:
        usable += 1
        yield row
    found = usable + read.skipped.count
    if found != file.rows:
        raise KosbertError(f"{file.path}: expected {file.rows:,} rows, found {found:,}")
    if read.skipped.count > file.skip_at_most:
        raise KosbertError(
            f"{file.path}: {read.skipped.count:,} rows cannot be used, at most {file.skip_at_most:,} expected "
            f"(skip_at_most in params.yaml):\n{_examples([read.skipped])}"
        )


def _summary(out: Path, files: list[DataFile], skipped: list[Skipped]) -> str:
    count = sum(each.count for each in skipped)
    rows = sum(file.rows for file in files) - count  # `_checked` has seen that each file has the declared rows
    return f"{out}: {rows:,} rows, {count:,} skipped" + (f":\n{_examples(skipped)}" if count else "")


def _examples(skipped: list[Skipped]) -> str:
    lines = [f"  {line}" for each in skipped for line in each.examples][:MAX_EXAMPLES]
    more = sum(each.count for each in skipped) - len(lines)
    return "\n".join([*lines, f"  and {more:,} more"] if more else lines)
