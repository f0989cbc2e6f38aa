"""Prepare the tables that the pipeline trains and evaluates on, from upstream files; skipped rows are counted.

A table is in place only once all of its rows are read and there are enough of them. Rows are passed on one by one, but
for those of extra scored pairs, of which the last are kept from training.
"""

import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from kosbert.data.scored import read_scored
from kosbert.data.tables import (
    MAX_EXAMPLES,
    Read,
    Row,
    ScoredPair,
    Skipped,
    read_kornli,
    read_korsts,
    read_tune,
    write_nli,
    write_tune,
)
from kosbert.errors import KosbertError
from kosbert.files import atomic_write
from kosbert.params import STS, DataFile, Dataset, ScoredFile


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
        yield _summary(out, file.rows - read.skipped.count, [read.skipped])


def prepare_nli(dataset: Dataset, raw: Path, out: Path) -> str:
    """Write one table of all NLI files, in their order, and return a line about it.

    Raises:
        KosbertError: a file has another number of rows than declared, or more unusable ones.
    """
    reads = [read_kornli(raw / file.path) for file in dataset.nli]
    write_nli(out, chain.from_iterable(map(_checked, reads, dataset.nli)))
    # `_checked` has seen that each file has the declared rows.
    usable = sum(file.rows - read.skipped.count for file, read in zip(dataset.nli, reads, strict=True))
    return _summary(out, usable, [read.skipped for read in reads])


def prepare_extra(dataset: Dataset, raw: Path, tune: Path, *, scored: Path, extra: Path) -> list[str]:
    """Write the tables of extra scored pairs, and return a line about each: all of them, in place of older ones.

    Args:
        dataset: the dataset.
        raw: the folder of the upstream files.
        tune: the folder of the tune files.
        scored: the folder for the tables to learn from: the dataset's own, `sts.tsv`, and of each extra set that has
            some, those before its dev set without a sentence of any dev or test set, `<name>.tsv`.
        extra: the folder for the dev sets, `dev/<name>.tsv`, and the test sets, `test/<name>.tsv`.

    Raises:
        KosbertError: a file is not as declared, or leaves no pairs to learn from.
    """
    lines, to_learn = [f"{scored / STS}.tsv: the rows of {tune / 'tune_train.tsv'}"], {}
    with atomic_write(scored) as learned, atomic_write(extra / "dev") as dev, atomic_write(extra / "test") as test:
        for folder in (learned, dev, test):
            folder.mkdir()
        shutil.copyfile(tune / "tune_train.tsv", learned / f"{STS}.tsv")
        for name, each in dataset.sts.extra.items():
            table = f"{name}.tsv"
            pairs, skipped = _scored_pairs(raw / name, each.test)
            write_tune(test / table, pairs)
            lines.append(_summary(extra / "test" / table, len(pairs), [skipped]))
            if each.train and each.dev_rows:
                pairs, skipped = _scored_pairs(raw / name, each.train)
                to_learn[table] = pairs[: -each.dev_rows], skipped
                write_tune(dev / table, pairs[-each.dev_rows :])
                lines.append(f"{extra / 'dev' / table}: {each.dev_rows:,} rows, the last of {each.train.path}")
        held_out = _sentences([tune / "tune_dev.tsv", tune / "tune_test.tsv", *dev.iterdir(), *test.iterdir()])
        for table, (pairs, skipped) in to_learn.items():
            kept = [pair for pair in pairs if held_out.isdisjoint(pair[:2])]
            left_out = f", {len(pairs) - len(kept):,} left out (a dev or test set has a sentence of theirs)"
            if not kept:
                advice = "lower its dev_rows in params.yaml, or give other files"
                raise KosbertError(f"{scored / table}: no training pairs are left{left_out}; {advice}")
            write_tune(learned / table, kept)
            lines.append(_summary(scored / table, len(kept), [skipped], left_out))
    return lines


def _scored_pairs(folder: Path, file: ScoredFile) -> tuple[list[ScoredPair], Skipped]:
    read = read_scored(folder / file.path, file)
    return list(_checked(read, file)), read.skipped


def _sentences(tables: Iterable[Path]) -> set[str]:
    return {sentence for table in tables for row in read_tune(table) for sentence in row[:2]}


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


def _summary(out: Path, rows: int, skipped: list[Skipped], left_out: str = "") -> str:
    count = sum(each.count for each in skipped)
    return f"{out}: {rows:,} rows, {count:,} skipped{left_out}" + (f":\n{_examples(skipped)}" if count else "")


def _examples(skipped: list[Skipped]) -> str:
    lines = [f"  {line}" for each in skipped for line in each.examples][:MAX_EXAMPLES]
    more = sum(each.count for each in skipped) - len(lines)
    return "\n".join([*lines, f"  and {more:,} more"] if more else lines)
