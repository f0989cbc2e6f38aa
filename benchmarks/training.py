"""How fast a training is against the plain `SentenceTransformerTrainer` in fp32, and whether it comes as far on dev.

    python benchmarks/training.py --rounds 5
    python benchmarks/training.py --rounds 0 --seeds 3

Ours is the recipe `sts` on the base with the trimmed vocabulary. The plain trainer has the same base, and the same with
the full vocabulary; the same pairs, batch size, learning rate, dropout and seed. They take turns in one process, and
ratios are medians over the rounds. With --seeds, each trains an epoch, and the dev scores at its end are compared.
"""

import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from datasets import disable_progress_bars
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from torch import nn
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback

from kosbert import params
from kosbert.base.build import build
from kosbert.command import Command
from kosbert.data.tables import ScoredPair, read_tune, write_tune
from kosbert.encoder.encode import has_bf16
from kosbert.encoder.model import load, prompt_of, save
from kosbert.params import Recipe
from kosbert.training.dev import DevEvaluator, dev_score
from kosbert.training.losses import scored_pairs, tables
from kosbert.training.trainer import arguments_for, build_trainer

TRAIN, DEV, NLI = Path("data/tune/tune_train.tsv"), Path("data/tune/tune_dev.tsv"), Path("data/nli/train.tsv")
PORTION = 256  # pairs of a round
SPEED = (
    "pairs a second: {:.1f}, plain {:.1f}, with the full vocabulary {:.1f}: {:.2f} and {:.2f} times; "
    "{:.0%} of the rate at which it multiplies {} matrices"
)
SCORES = "dev: {:.2f}, plain {:.2f}"
MATRIX = (1024, 1536)  # tokens, width: of the products with which the machine's rate is measured
PRODUCTS = 50


class Epochs(TrainerCallback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        """Begin."""
        self._began = time.perf_counter()

    def on_epoch_end(self, *_: object, **__: object) -> None:
        """End."""
        self.seconds.append(time.perf_counter() - self._began)


def ours(base: Path, recipe: Recipe, table: Path, seed: int, folder: Path) -> tuple[SentenceTransformer, Epochs]:
    """Train as the stage does, but for dev scores on the way."""
    encoder, epochs, training, losses = load(base), Epochs(), params.load().training, tables(recipe, table)
    arguments = arguments_for(recipe, losses, training, encoder, folder=folder, seed=seed)
    arguments.eval_strategy = arguments.save_strategy = "no"
    arguments.load_best_model_at_end = False
    with build_trainer(encoder, recipe, table, losses, arguments, training=training, callbacks=[epochs]) as trainer:
        trainer.train()
    torch.use_deterministic_algorithms(mode=False)  # the plain trainer does without
    return encoder, epochs


def plain(base: Path, recipe: Recipe, table: Path, seed: int, folder: Path) -> tuple[SentenceTransformer, Epochs]:
    """Train as the library's documentation has it, with the recipe's numbers."""
    encoder, epochs = load(base), Epochs()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = recipe.dropout
    trainer = SentenceTransformerTrainer(
        model=encoder,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(folder / "plain"),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            warmup_steps=recipe.warmup_ratio,
            prompts=encoder.prompts.get(encoder.default_prompt_name or ""),
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=scored_pairs(table, folder),
        loss=CosineSimilarityLoss(encoder),
        callbacks=[epochs],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return encoder, epochs


def matrix_rate(precision: torch.dtype) -> float:
    """Return the floating-point operations a second at which this machine multiplies matrices."""
    tokens, width = MATRIX
    one, other = torch.randn(tokens, width).to(precision), torch.randn(width, width).to(precision)
    for _ in range(PRODUCTS // 5):
        one @ other
    began = time.perf_counter()
    for _ in range(PRODUCTS):
        one @ other
    return 2 * tokens * width * width * PRODUCTS / (time.perf_counter() - began)


def operations(base: Path, table: Path) -> float:
    """Return the operations that a training needs for a pair: 6 a weight and token, but for attention itself."""
    encoder = load(base)
    weights = sum(
        layer.weight.numel()
        for name, layer in encoder[0].model.named_modules()
        if isinstance(layer, nn.Linear) and "pooler" not in name
    )
    pairs = [*read_tune(table)]
    sentences = [sentence for pair in pairs for sentence in pair[:2]]
    tokens = sum(map(len, encoder.tokenizer([prompt_of(encoder) + sentence for sentence in sentences])["input_ids"]))
    return 6 * weights * tokens / len(pairs)


def portion(table: Path, size: int | None, seed: int, out: Path) -> Path:
    """Write random pairs of a table, or all of them."""
    pairs = [*read_tune(table)]
    rows = np.random.default_rng(seed).permutation(len(pairs))[:size]
    write_tune(out, [ScoredPair(*pairs[row][:2], f"{pairs[row][2]:.3f}") for row in rows])
    return out


def compare_speed(full: Path, trimmed: Path, recipe: Recipe, rounds: int, folder: Path) -> None:
    """Print pairs a second, their ratios, and the share of the machine's rate: medians over the rounds."""
    kind = "bf16" if has_bf16(torch.device("cpu")) else "fp32"
    recipe = recipe.model_copy(update={"epochs": 2})  # the first warms up
    found = []
    for number in range(rounds):
        table = portion(TRAIN, PORTION, number, folder / "portion.tsv")
        rate = matrix_rate(torch.bfloat16 if kind == "bf16" else torch.float32)
        ways = [(ours, trimmed), (plain, trimmed), (plain, full)]
        fast, *slow = [PORTION / way(base, recipe, table, number, folder)[1].seconds[-1] for way, base in ways]
        found.append([fast, *slow, *(fast / one for one in slow), operations(trimmed, table) * fast / rate])
        click.echo("  " + SPEED.format(*found[-1], kind))
    if found:
        click.echo(SPEED.format(*map(statistics.median, zip(*found, strict=True)), kind))


def compare_scores(base: Path, recipe: Recipe, seeds: int, size: int | None, folder: Path) -> None:
    """Print the dev scores after an epoch on random pairs."""
    recipe = recipe.model_copy(update={"epochs": 1})
    dev = DevEvaluator({params.STS: [*read_tune(DEV)]}, counting=[params.STS], bf16=False)
    found = []
    for seed in range(seeds):
        table = portion(TRAIN, size, seed, folder / "portion.tsv")
        found.append([dev_score(dev(way(base, recipe, table, seed, folder)[0])) for way in (ours, plain)])
        click.echo("  " + SCORES.format(*found[-1]))
    if found:
        click.echo(SCORES.format(*map(statistics.mean, zip(*found, strict=True))))


def built(trim: str, folder: Path) -> Path:
    """Build the base model with its vocabulary trimmed or not."""
    chosen = params.load()
    base = chosen.chosen_base.model_copy(update={"trim": trim})
    encoder = build(chosen.base_model, base, tune=TRAIN, nli=NLI, seed=chosen.seed)
    save(encoder, folder / trim, card="a benchmark's")
    click.echo(f"{chosen.base_model}, vocabulary trimmed: {trim}, {len(encoder.tokenizer):,} pieces")
    return folder / trim


@click.command(cls=Command)
@click.option("--rounds", default=5, show_default=True, help="Portions of 256 pairs to take the time of.")
@click.option("--seeds", default=0, show_default=True, help="Trainings to compare the dev scores of.")
@click.option("--pairs", type=int, help="Of each training whose dev score is compared: so many, not all.")
def main(rounds: int, seeds: int, pairs: int | None) -> None:
    """Compare on the tables that the pipeline has prepared."""
    disable_progress_bars()
    recipe = params.load().recipes["sts"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trimmed = built("always", folder)
        if rounds:
            compare_speed(built("never", folder), trimmed, recipe, rounds, folder)
        compare_scores(trimmed, recipe, seeds, pairs, folder)


if __name__ == "__main__":
    main()
