"""Stage `base_model`: the encoder that training begins with."""

from pathlib import Path

import click

from kosbert import params
from kosbert.base.build import build
from kosbert.encoder.card import base_card
from kosbert.encoder.model import save
from kosbert.errors import Command


@click.command(cls=Command)
@click.option("--tune", type=click.Path(path_type=Path), required=True, help="The STS training table.")
@click.option("--nli", type=click.Path(path_type=Path), required=True, help="The NLI training table.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the encoder.")
def main(tune: Path, nli: Path, out: Path) -> None:
    """Build the base model that params.yaml names."""
    chosen = params.load()
    encoder = build(chosen.chosen_base, tune=tune, nli=nli, seed=chosen.seed)
    longest, dimensions = encoder.max_seq_length, encoder.get_embedding_dimension()
    card = base_card(chosen.base_model, chosen.chosen_base, longest=longest, dimensions=dimensions)
    save(encoder, out, card=card)
    parameters = sum(weights.numel() for weights in encoder.parameters())
    click.echo(f"{out}: {chosen.base_model}, {len(encoder.tokenizer):,} pieces, {parameters / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
