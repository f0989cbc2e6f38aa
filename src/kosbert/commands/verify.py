"""`kosbert verify`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import printable
from kosbert.commands.options import say
from kosbert.commands.paths import UserCommand
from kosbert.errors import KosbertError, needs_extra


@click.command(
    "verify",
    cls=UserCommand,
    short_help="Check every byte of the pipeline's files.",
    examples=("kosbert verify", "kosbert verify --repair"),
)
@click.option("--repair", is_flag=True, help="Repair damaged files.")
def verify(*, repair: bool) -> None:
    """Check every file in dvc.lock byte by byte, in the workspace and in DVC's cache.

    DVC relies on the size and modification time of a file. This command finds what a failing disk or another program
    has changed: models, data, predictions, metrics, and the code that made them. Exits with 1 if a file differs from
    its record.

    With --repair, a damaged file is restored from another copy. If all copies are damaged, they are deleted, and `dvc
    repro` makes the file again. Code is left alone.
    """
    with needs_extra("pipeline", "To verify files"):
        from kosbert.project import verify as verifying
    from tqdm import tqdm

    files = verifying.made()
    damaged = 0
    for copies in tqdm(files, "verify", disable=None, leave=False):
        found = copies.damaged()
        for copy in found:
            place = "" if copy in copies.paths else f", DVC's copy of {copies.paths[0]}"
            tqdm.write(printable(f"{copy}{place}: {'damaged' if copies.md5 else 'made by no stage'}"))
        damaged += len(found)
        if repair:
            copies.repair(found)
    edited = verifying.edited()
    for path in edited:
        say(f"{path}: changed since the stages that depend on it ran")
    if damaged and not repair:
        raise KosbertError(f"{damaged} damaged file{'s' * (damaged > 1)}; {verifying.ADVICE}")
    if edited:
        raise KosbertError("dependencies of stages have changed; run them again with `dvc repro`")
    paths = [path for copies in files for path in copies.paths]
    here = sum(map(Path.exists, paths))
    click.echo(
        f"{len(paths):,} files made by stages, {here:,} of them present: {'repaired' if damaged else 'undamaged'}"
    )
