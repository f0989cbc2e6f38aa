"""Training one recipe with sentence-transformers' trainer: warm-up, dev scores on the way, the best state kept."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from torch import nn
from transformers import (
    PrinterCallback,
    ProgressCallback,
    TrainerCallback,
    TrainerState,
    set_seed,
)

from kosbert.data.tables import read_tune
from kosbert.encoder import load, read_card, save, whole_or_error
from kosbert.params import Recipe
from kosbert.training.objectives import OBJECTIVES

DEV_METRIC = "eval_dev_spearman_cosine"


@dataclass(frozen=True)
class Outcome:
    """Dev scores (cosine Spearman x 100) of a training: where it began, and the best state, which was kept."""

    start: float
    best: float


def train(recipe: Recipe, init: Path, data: Path, dev: Path, out: Path, *, seed: int, precision: str) -> Outcome:
    """Train a recipe and save the encoder with the best dev score.

    Args:
        recipe: what to do.
        init: the encoder to begin with, a sentence-transformers folder.
        data: the table that the recipe's loss learns from.
        dev: the tune file that states are compared on.
        out: the folder to write, whole or not at all.
        seed: of everything random.
        precision: `auto`, `bf16` or `fp32`.

    Raises:
        KosbertError: a row of a table is malformed.
    """
    set_seed(seed)
    encoder = load(init)
    bf16 = precision == "bf16" or (precision == "auto" and has_bf16(encoder.device))
    _prepare(encoder, recipe.dropout)
    objective = OBJECTIVES[recipe.loss]
    examples = objective.examples(data)
    click.echo(f"{len(examples):,} examples, {recipe.loss} loss, {'bf16' if bf16 else 'fp32'} on {encoder.device.type}")
    with whole_or_error(), tempfile.TemporaryDirectory() as checkpoints:
        trainer = Trainer(
            model=encoder,
            args=_arguments(recipe, encoder, checkpoints, seed=seed, bf16=bf16),
            train_dataset=examples,
            loss=objective.loss(encoder),
            evaluator=DevEvaluator(dev, bf16=bf16),
            callbacks=[DevLog()],
        )
        start = 100 * trainer.evaluate()[DEV_METRIC]
        trainer.train()
        best = 100 * trainer.state.best_metric
    save(encoder, out, card=read_card(init))  # the licence of the base is that of what is trained from it
    return Outcome(start, best)


def _prepare(encoder: SentenceTransformer, dropout: float) -> None:
    # On a CPU the backward pass of PyTorch's fused bf16 attention is far slower than plain matrix products.
    if encoder.device.type == "cpu":
        encoder[0].model.set_attn_implementation("eager")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout


def _arguments(
    recipe: Recipe, encoder: SentenceTransformer, folder: str, *, seed: int, bf16: bool
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=folder,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,
        batch_sampler=OBJECTIVES[recipe.loss].batches,
        prompts=encoder.prompts.get(encoder.default_prompt_name or ""),
        seed=seed,
        full_determinism=True,
        bf16=bf16,
        use_cpu=encoder.device.type == "cpu",
        eval_strategy="steps",
        eval_steps=recipe.eval_steps,
        save_strategy="steps",
        save_steps=recipe.eval_steps,
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model=DEV_METRIC,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
    )


def has_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 matrices in hardware; where it does not, bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - the public name is not there yet


class DevEvaluator(EmbeddingSimilarityEvaluator):
    """Cosine Spearman on a tune file, encoding in the precision that training has."""

    def __init__(self, dev: Path, *, bf16: bool) -> None:
        sentences1, sentences2, scores = map(list, zip(*read_tune(dev), strict=True))
        super().__init__(sentences1, sentences2, scores, batch_size=32, main_similarity="cosine", name="dev")
        self._bf16 = bf16

    def embed_inputs(self, model: SentenceTransformer, sentences: list[str], **options: object) -> NDArray[np.float32]:
        """Return the embeddings [sentences, dimensions]."""
        with torch.autocast(model.device.type, torch.bfloat16, enabled=self._bf16):
            return super().embed_inputs(model, sentences, **options)  # type: ignore[no-any-return]


class DevLog(TrainerCallback):
    """One plain line for each dev score."""

    def on_evaluate(self, *event: object, metrics: dict[str, float], **_: object) -> None:
        """Say how far the training is, and its dev score."""
        state = next(part for part in event if isinstance(part, TrainerState))
        where = f"step {state.global_step}/{state.max_steps}" if state.global_step else "start"
        click.echo(f"{where}: dev cosine Spearman {100 * metrics[DEV_METRIC]:.2f}")


class Bar(ProgressCallback):
    """The trainer's progress bar, without the dictionaries it prints between."""

    def on_log(self, *_: object, **__: object) -> None:
        """Print nothing; `DevLog` says what there is to say."""


class Trainer(SentenceTransformerTrainer):
    """The library's trainer, which prints no dictionaries and draws no examples for a model card."""

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback):
            self.add_callback(Bar())

    def add_model_card_callback(self, default_args_dict: dict[str, object]) -> None:
        """Add none: the card's examples would depend on chance."""
