"""Stage `train@<recipe>`: one recipe, from its `init` to a trained encoder."""

# ruff: noqa: PLC0415 - see `kosbert.command`

import os
from pathlib import Path

import click

from kosbert.stage.run import Input, Stage, check_unchanged


@click.command(cls=Stage)
@click.argument("recipe")
@click.option("--init", type=Input(), required=True, help="The encoder to begin with.")
@click.option("--data", type=Input(), required=True, help="The table to learn from.")
@click.option("--dev", type=Input(), required=True, help="The tune file to choose on.")
@click.option(
    "--extra-dev", type=Input(), required=True, help="Folder of the tune files of further pairs to choose on."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the trained encoder.")
@click.option("--pushed", type=click.Path(path_type=Path), required=True, help="Folder for what is pushed of it.")
@click.option("--costs", type=click.Path(path_type=Path), required=True, help="Folder for what the training cost.")
@click.option("--curves", type=click.Path(path_type=Path), required=True, help="Folder for the training curves.")
def main(
    recipe: str,
    *,
    init: Path,
    data: Path,
    dev: Path,
    extra_dev: Path,
    out: Path,
    pushed: Path,
    costs: Path,
    curves: Path,
) -> None:
    """Train RECIPE of params.yaml."""
    from kosbert import params
    from kosbert.encoder.card import extend_card
    from kosbert.encoder.model import read_card
    from kosbert.files import tables_in
    from kosbert.metrics import write_cost
    from kosbert.training.losses import describe
    from kosbert.training.trackers import PROJECT
    from kosbert.training.train import train

    # Trackers (training.report_to) keep these outside the folder of the checkpoints, which is removed.
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", f"runs/{recipe}")
    os.environ.setdefault("WANDB_PROJECT", PROJECT)
    chosen = params.load()
    steps = chosen.recipe(recipe)
    words, papers = describe(steps)
    card = extend_card(
        read_card(init),
        recipe,
        steps,
        learning=words,
        papers=papers,
        dataset=chosen.dataset,
        data=chosen.chosen_dataset,
        seed=chosen.seed,
    )
    outcome = train(
        steps,
        init,
        data,
        {params.STS: dev, **tables_in(extra_dev)},
        out,
        card=card,
        curves=curves,
        training=chosen.training,
        seed=chosen.seed,
        counting=[params.STS, *steps.learns_from(chosen.chosen_dataset.sts.extra)],
        pushed=pushed,
        check=check_unchanged,
    )
    if outcome is None:  # another process writes and reports
        return
    if outcome.cost:
        write_cost(costs / f"{outcome.cost.weights}.json", outcome.cost)
    click.echo(f"{recipe}: dev cosine Spearman {outcome.best_dev:.2f}; it began at {outcome.initial_dev:.2f}")
    if outcome.best_dev < outcome.initial_dev:
        click.echo(f"{recipe}: NOTE: this training made the dev score worse than its start ({init})")


if __name__ == "__main__":
    main()
