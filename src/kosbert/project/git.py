"""Git's own commands."""

import subprocess

from kosbert.errors import KosbertError, one_line


def ask(*arguments: str) -> bytes:
    """Return what `git <arguments>` prints.

    Raises:
        KosbertError: git refused, as outside of a repository; the message has git's own words.
    """
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if done.returncode:
        raise KosbertError(f"git {arguments[0]}: {one_line(done.stderr.decode(errors='replace'))}")
    return done.stdout
