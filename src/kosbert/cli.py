"""The command `kosbert`: a module of `kosbert.commands` for each of its commands.

What a command needs is imported when it runs, so that help comes at once.
"""

import sys
from importlib import import_module

import click

from kosbert.command import Program

if sys.platform == "win32":  # the pipeline's stages and the benchmark rely on Unix
    sys.exit("Error: kosbert runs on Linux and macOS; on Windows, run it in WSL")

COMMANDS = (
    *("benchmark", "evaluate", "search", "index", "cluster", "encode", "export", "serve", "demo"),
    *("mteb", "publish", "difference", "spread", "verify"),
)


class Programs(Program, click.Group):
    """The commands together."""


@click.group(
    cls=Programs,
    examples=(
        "kosbert benchmark",
        'kosbert search models/best corpus.txt "비 오는 날씨"',
        "kosbert demo --model models/best --corpus corpus.txt",
    ),
)
@click.version_option(package_name="kosbert")
def main() -> None:
    """Train, benchmark and use Korean Sentence-BERT.

    `kosbert COMMAND --help` shows the options of a command. Run benchmark, publish, difference, spread and verify in
    the project's top folder.
    """


for name in COMMANDS:
    main.add_command(getattr(import_module(f"kosbert.commands.{name}"), name))

if __name__ == "__main__":
    main(prog_name="kosbert")
