"""The command `kosbert`."""

import click

from kosbert import benchmark
from kosbert.errors import Command


@click.group()
@click.version_option(package_name="kosbert")
def main() -> None:
    """Train and benchmark Korean Sentence-BERT. Run in the project's top folder."""


@main.command("benchmark", cls=Command)
def benchmark_command() -> None:
    """Regenerate the performance table: every stage that is not up to date, then the table."""
    benchmark.run()
