"""Git's own commands."""

import subprocess

from kosbert.errors import KosbertError, one_line


def ask(*arguments: str) -> bytes:
    """Return what `git <arguments>` prints.

    Raises:
        KosbertError: git is not installed, or refused, as outside of a repository; then the message has its own words.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise KosbertError(f"git {arguments[0]}: git is not installed; install it, then run this again") from error
    if done.returncode:
        raise KosbertError(f"git {arguments[0]}: {one_line(done.stderr.decode(errors='replace'))}")
    return done.stdout
