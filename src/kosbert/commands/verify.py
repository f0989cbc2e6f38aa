"""`kosbert verify`."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import printable
from kosbert.commands.options import say
from kosbert.commands.paths import UserCommand
from kosbert.errors import KosbertError, needs_extra


@click.command("verify", cls=UserCommand, short_help="Check every byte of what the pipeline has made.")
@click.option("--repair", is_flag=True, help="Mend what is damaged.")
def verify(*, repair: bool) -> None:
    """Check all that dvc.lock names, byte for byte, in the workspace and in DVC's cache.

    DVC trusts the size and time of a file. This finds what a broken disk or a stray program has changed: models, data,
    predictions, metrics, and the code that they were made with. Exits with 1 if a file is not as it was recorded.

    With --repair, a damaged file is restored from another copy. If all are damaged they are deleted, and `dvc repro`
    makes the file again. Code is left alone.
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
            tqdm.write(printable(f"{copy}{place}: {'damaged' if copies.md5 else 'no stage has made it'}"))
        damaged += len(found)
        if repair:
            copies.repair(found)
    edited = verifying.edited()
    for path in edited:
        say(f"{path}: changed since the stages ran that depend on it")
    if damaged and not repair:
        raise KosbertError(f"{damaged} damaged file{'s' * (damaged > 1)}; {verifying.ADVICE}")
    if edited:
        raise KosbertError("what stages depend on has changed; `dvc repro` runs them again")
    paths = [path for copies in files for path in copies.paths]
    here = sum(map(Path.exists, paths))
    click.echo(
        f"{len(paths):,} files that stages have made, {here:,} of them here: {'mended' if damaged else 'undamaged'}"
    )
