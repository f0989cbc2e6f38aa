"""From upstream KorNLU to the tables that the pipeline trains and evaluates on; whatever is left out is counted.

Rows are passed on one by one, and a table is in place only once all of its rows are read and found to be enough.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from kosbert.data.tables import SHOWN, Read, Row, Skipped, read_kornli, read_korsts, write_nli, write_tune
from kosbert.errors import KosbertError
from kosbert.params import Dataset, Source


def prepare_sts(dataset: Dataset, raw: Path, tune: Path) -> Iterable[str]:
    """Write `tune_train.tsv`, `tune_dev.tsv` and `tune_test.tsv`, and yield a line about each.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    for split in ("train", "dev", "test"):
        source = getattr(dataset.sts, split)
        read = read_korsts(raw / source.path)
        out = tune / f"tune_{split}.tsv"
        write_tune(out, _checked(read, source))
        yield _line(out, [source], [read.skipped])


def prepare_nli(dataset: Dataset, raw: Path, out: Path) -> str:
    """Write one table of all NLI files, in their order, and return a line about it.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    reads = [read_kornli(raw / source.path) for source in dataset.nli]
    write_nli(out, chain.from_iterable(map(_checked, reads, dataset.nli)))
    return _line(out, dataset.nli, [read.skipped for read in reads])


def _checked(read: Read[Row], source: Source) -> Iterator[Row]:
    """Yield the rows of a file, and raise after the last one if they are not what was declared."""
    usable = 0
    for row in read.rows:
        usable += 1
        yield row
    found = usable + read.skipped.count
    if found != source.rows:
        raise KosbertError(f"{source.path}: expected {source.rows:,} rows, found {found:,}")
    if read.skipped.count > source.skip_at_most:
        raise KosbertError(
            f"{source.path}: {read.skipped.count:,} rows cannot be used, at most {source.skip_at_most:,} expected "
            f"(skip_at_most in params.yaml):\n{_examples([read.skipped])}"
        )


def _line(out: Path, sources: list[Source], skipped: list[Skipped]) -> str:
    count = sum(each.count for each in skipped)
    rows = sum(source.rows for source in sources) - count  # each has as many as it declares, which was checked
    return f"{out}: {rows:,} rows, {count:,} skipped" + (f":\n{_examples(skipped)}" if count else "")


def _examples(skipped: list[Skipped]) -> str:
    lines = [f"  {line}" for each in skipped for line in each.shown][:SHOWN]
    more = sum(each.count for each in skipped) - len(lines)
    return "\n".join([*lines, f"  and {more:,} more"] if more else lines)
