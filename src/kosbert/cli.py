"""The command `kosbert`: a module of `kosbert.commands` for each of its commands.

What a command needs is imported when it runs, so that help comes at once.
"""

import sys
from importlib import import_module
from typing import Any

import click

from kosbert.command import prepare_output

if sys.platform == "win32":  # the pipeline's stages and the benchmark rely on Unix
    sys.exit("Error: kosbert runs on Linux and macOS; on Windows, run it in WSL")

COMMANDS = (
    *("benchmark", "evaluate", "search", "index", "cluster", "encode", "export", "serve", "demo"),
    *("mteb", "publish", "difference", "spread"),
)


class Program(click.Group):
    """The commands, under which no failure of the user's terminal shows a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's
        """Run the program."""
        prepare_output()
        return super().main(*args, **options)


@click.group(cls=Program)
@click.version_option(package_name="kosbert")
def main() -> None:
    """Train, benchmark and use Korean Sentence-BERT.

    `kosbert COMMAND --help` tells more. benchmark, publish, difference and spread run in the project's top folder.
    """


for name in COMMANDS:
    main.add_command(getattr(import_module(f"kosbert.commands.{name}"), name))

if __name__ == "__main__":
    main(prog_name="kosbert")
