"""Stage `evaluate@<row>`: the eight figures of one encoder, into its metrics file."""

import json
from pathlib import Path

import click

from kosbert.encoder import load
from kosbert.errors import Command
from kosbert.evaluation.scores import evaluate
from kosbert.files import write_text


@click.command(cls=Command)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="The encoder.")
@click.option("--test", type=click.Path(path_type=Path), required=True, help="The tune file to score on.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The metrics file.")
def main(model: Path, test: Path, out: Path) -> None:
    """Score an encoder on a test set."""
    figures = evaluate(load(model), test)
    write_text(out, json.dumps(figures, indent=2) + "\n")
    click.echo(f"{out}: cosine Spearman {figures['cosine_spearman']:.2f}, and seven more")


if __name__ == "__main__":
    main()
