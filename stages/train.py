"""Stage `train@<recipe>`: one recipe, from its `init` to a trained encoder."""

from pathlib import Path

import click

from kosbert import params
from kosbert.errors import Command
from kosbert.training.trainer import train


@click.command(cls=Command)
@click.argument("recipe")
@click.option("--init", type=click.Path(path_type=Path), required=True, help="The encoder to begin with.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The table to learn from.")
@click.option("--dev", type=click.Path(path_type=Path), required=True, help="The tune file to choose on.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the trained encoder.")
def main(recipe: str, init: Path, data: Path, dev: Path, out: Path) -> None:
    """Train RECIPE of params.yaml."""
    chosen = params.load()
    precision = chosen.training.precision
    outcome = train(chosen.recipes[recipe], init, data, dev, out, seed=chosen.seed, precision=precision)
    click.echo(f"{recipe}: dev cosine Spearman {outcome.best:.2f}; it began at {outcome.start:.2f}")
    if outcome.best < outcome.start:
        click.echo(f"{recipe}: NOTE: this training made the dev score worse than its start ({init})")


if __name__ == "__main__":
    main()
