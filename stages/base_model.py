"""Stage `base_model`: the encoder that training begins with."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.command import Command


@click.command(cls=Command)
@click.option("--tune", type=click.Path(path_type=Path), required=True, help="The STS training table.")
@click.option("--nli", type=click.Path(path_type=Path), required=True, help="The NLI training table.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the encoder.")
def main(tune: Path, nli: Path, out: Path) -> None:
    """Build the base model that params.yaml names."""
    from kosbert import params
    from kosbert.base.build import build, build_card
    from kosbert.encoder.model import save

    chosen = params.load()
    name, base = chosen.base_model, chosen.chosen_base
    encoder = build(name, base, tune=tune, nli=nli, seed=chosen.seed)
    save(encoder, out, card=build_card(name, base, encoder))
    parameters = sum(weights.numel() for weights in encoder.parameters())
    click.echo(f"{out}: {name}, {len(encoder.tokenizer):,} pieces, {parameters / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
