"""Stage `base_model`: the encoder that training begins with."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path

import click

from kosbert.stage.run import Input, Stage


@click.command(cls=Stage)
@click.option("--tune", type=Input(), required=True, help="The STS training table.")
@click.option("--nli", type=Input(), required=True, help="The NLI training table.")
@click.option("--dev", type=Input(), required=True, help="The tune file to calibrate on.")
@click.option(
    "--extra-dev", type=Input(), required=True, help="Folder of the tune files of further pairs to calibrate on."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the encoder.")
@click.option("--pushed", type=click.Path(path_type=Path), required=True, help="Folder for what is pushed of it.")
def main(tune: Path, nli: Path, *, dev: Path, extra_dev: Path, out: Path, pushed: Path) -> None:
    """Build the base model that params.yaml names."""
    from kosbert import params
    from kosbert.base.build import build, build_card
    from kosbert.data.tables import read_tune
    from kosbert.encoder.encode import calibrate
    from kosbert.encoder.model import save
    from kosbert.files import tables_in

    chosen = params.load()
    name, base = chosen.base_model, chosen.chosen_base
    encoder = build(name, base, tune=tune, nli=nli, seed=chosen.seed)
    pairs = [pair for file in [dev, *tables_in(extra_dev).values()] for pair in read_tune(file)]
    card, calibration = build_card(name, base, encoder), calibrate(encoder, pairs)
    save(encoder, out, card=card, calibration=calibration, pushed=pushed)
    parameters = sum(weights.numel() for weights in encoder.parameters())
    click.echo(f"{out}: {name}, {len(encoder.tokenizer):,} pieces, {parameters / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
