"""Training one recipe with sentence-transformers' trainer: warm-up, dev scores on the way, the best state kept."""

import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import click
import torch
from datasets import Dataset, DatasetDict, disable_progress_bars
from safetensors import SafetensorError
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.losses.merged_forward import embed_columns
from sentence_transformers.base.sampler import MultiDatasetBatchSamplers
from torch import Tensor, nn
from transformers import PrinterCallback, ProgressCallback, TrainerCallback, set_seed

from kosbert.metrics import Cost
from kosbert.data.tables import read_tune
from kosbert.encoder.model import load, save
from kosbert.encoder.encode import PairEvaluator, has_bf16
from kosbert.errors import KosbertError, one_line
from kosbert.encoder.unpadding import can_unpad, unpadding
from kosbert.params import Recipe, Training
from kosbert.training import checkpoints
from kosbert.training.averaging import load_average
from kosbert.training.batching import batch_sampler, collator, tokenized
from kosbert.training.losses import OBJECTIVES
from kosbert.training.progress import DEV_METRIC, Bar, Curves, Lines, dev_score

LOSS_WEIGHTS = "loss.pt"  # of a loss that has weights of its own, in a checkpoint
LOGGED_AT_MOST_EVERY = 20  # steps
SEED_STRIDE = 1000  # of two runs that are averaged, so that trainings with the seeds 1, 2, 3 share none


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    `start` and `kept` are dev scores (cosine Spearman x 100), of where it began, and of the state or average that was
    kept. What it cost is not known of a training that went on from a checkpoint.
    """

    start: float
    kept: float
    cost: Cost | None = field(compare=False)


def train(
    recipe: Recipe,
    init: Path,
    data: Path,
    dev: Path,
    out: Path,
    *,
    card: str,
    curves: Path,
    training: Training,
    seed: int,
) -> Outcome | None:
    """Train a recipe and save the encoder with the best dev score, or the average that the recipe wants.

    A training that was killed goes on from its last checkpoint, with the same result. Under torchrun or accelerate all
    processes share the work: a batch is split among them.

    Args:
        recipe: what to do.
        init: the encoder to begin with, a sentence-transformers folder.
        data: the table that the recipe's loss learns from.
        dev: the tune file that states are compared on.
        out: the folder to write, whole or not at all; checkpoints lie beside it until then.
        card: what goes with the trained encoder.
        curves: the folder for the training curves: those of the first run, where several are averaged.
        training: what all trainings share.
        seed: of everything random, in the first run; the next has one `SEEDS_APART` higher.

    Returns:
        The outcome; nothing in a process beside the one that writes.

    Raises:
        KosbertError: a row of a table is malformed, the batch cannot be split, the disk is full, the checkpoint cannot
            be read, a GPU's memory does not suffice, or no dev score is a number.
    """
    began = time.monotonic()
    decisive = {"recipe": recipe.model_dump(), "training": training.model_dump(), "seed": seed}
    folder = checkpoints.place(out, [init, data, dev], decisive)
    if not sys.stderr.isatty():
        disable_progress_bars()
    average = recipe.average
    runs: list[_Run] = []
    for number in range(average.runs if average else 1):
        callbacks = [Lines(), *([] if runs else [Curves(curves)])]
        paths = {"init": init, "data": data, "dev": dev, "folder": folder}
        runs.append(_run(recipe, **paths, callbacks=callbacks, training=training, seed=seed, number=number))
    last = runs[-1]
    encoder, kept = last.encoder, last.kept
    if not last.arguments.should_save:
        return None
    if average:
        states = [state for run in runs for state in checkpoints.newest(run.folder, average.states)]
        load_average(encoder, states, init, average.init)
        kept = dev_score(last.evaluator(encoder))
        several = f"{len(states)} states" if len(states) > 1 else "one state"
        click.echo(f"average of {several} and the start: dev cosine Spearman {kept:.2f}")
    save(encoder, out, card=card)
    checkpoints.remove(folder)
    minutes = round((time.monotonic() - began) / 60, 1)
    size = sum(weights.numel() for weights in encoder.parameters())
    cost = Cost(size, minutes, _hardware(last.arguments, encoder.device))
    return Outcome(runs[0].start, kept, None if any(run.resumed for run in runs) else cost)


@dataclass(frozen=True)
class _Run:
    """One run through: the encoder as it is then, its checkpoints, and dev scores; `start` is that of the first run."""

    encoder: SentenceTransformer
    folder: Path
    arguments: SentenceTransformerTrainingArguments
    evaluator: PairEvaluator
    start: float
    kept: float
    resumed: bool


def _run(
    recipe: Recipe,
    *,
    init: Path,
    data: Path,
    dev: Path,
    folder: Path,
    callbacks: list[TrainerCallback],
    training: Training,
    seed: int,
    number: int,
) -> _Run:
    encoder, own, start = load(init), checkpoints.run_dir(folder, number), math.nan
    arguments = arguments_for(recipe, training, encoder, own, (seed + SEED_STRIDE * number) % 2**32)
    with arguments.main_process_first(local=False):
        if arguments.should_save:
            checkpoints.tidy(folder)
        last = checkpoints.last(own)
    evaluator = PairEvaluator(read_tune(dev), bf16=arguments.bf16, name="dev")
    with ready(
        encoder, recipe, data, arguments, training=training, evaluator=evaluator, callbacks=callbacks
    ) as trainer:
        if arguments.should_save:
            if number == 0:
                click.echo(f"{_told(recipe, trainer.train_dataset)}, {_hardware(arguments, encoder.device)}")
                # Not by the trainer, for one that has evaluated shares no gradients among its processes later.
                start = dev_score(evaluator(encoder))
                click.echo(f"start: dev cosine Spearman {start:.2f}")
            if recipe.average and recipe.average.runs > 1:
                click.echo(f"run {number + 1} of {recipe.average.runs}, with the seed {arguments.seed}")
            if last:
                click.echo(f"goes on from {last}")
        kept = _trained(trainer, last)
    if math.isnan(kept):
        if arguments.should_save:
            checkpoints.remove(folder)  # nobody can go on from there
        raise KosbertError(
            "this training came to nothing, for its weights or its dev scores are no numbers any more; "
            f"lower the recipe's learning_rate ({recipe.learning_rate:g})"
        )
    return _Run(encoder, own, arguments, evaluator, start, kept, resumed=last is not None)


def _trained(trainer: "Trainer", last: Path | None) -> float:
    """Train, from a checkpoint if there is one; return the dev score of the state that the encoder then has."""
    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except UnpicklingError as error:
        raise KosbertError(
            f"{last}: this checkpoint is damaged, or holds code, which is never run; delete it, and run this again"
        ) from error
    except torch.OutOfMemoryError as error:
        raise KosbertError(
            f"the GPU's memory does not suffice ({one_line(error)}); set training.mini_batch_size to a part of "
            "batch_size (not for cosent: there, lower batch_size), and run this again"
        ) from error
    best = trainer.state.best_model_checkpoint
    if best is None:
        return math.nan
    if not checkpoints.is_complete(Path(best)):
        raise KosbertError(f"{best}: the checkpoint with the best dev score is gone; run this again")
    trainer.accelerator.wait_for_everyone()  # each has read the best state
    return 100 * float(trainer.state.best_metric)


def _hardware(arguments: SentenceTransformerTrainingArguments, device: torch.device) -> str:
    precision = "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32"
    if device.type != "cpu":
        return f"{precision} on {device.type}"
    threads = torch.get_num_threads()
    return f"{precision} on cpu, {threads} thread{'s' * (threads > 1)}"


def _told(recipe: Recipe, examples: Dataset | DatasetDict) -> str:
    parts = examples.values() if isinstance(examples, DatasetDict) else [examples]
    return "; ".join(
        f"{len(part):,} examples, {loss} loss" for part, loss in zip(parts, recipe.losses.values(), strict=True)
    )


@contextmanager
def ready(
    encoder: SentenceTransformer,
    recipe: Recipe,
    data: Path,
    arguments: SentenceTransformerTrainingArguments,
    *,
    training: Training,
    **options: Any,  # noqa: ANN401 - of the trainer
) -> Iterator["Trainer"]:
    """Make the trainer of a recipe; until the end, the encoder works without padding and the examples are on disk.

    Args:
        encoder: the encoder to train.
        recipe: what to do.
        data: the table that the recipe's loss learns from.
        arguments: as `arguments_for` gives them.
        training: what all trainings share.
        options: more for the trainer: evaluator, callbacks.

    Yields:
        The trainer.

    Raises:
        KosbertError: a row of the table is malformed.
    """
    set_seed(arguments.seed)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing here reads memory it has not written
    _prepare(encoder, recipe.dropout)
    Path(arguments.output_dir).mkdir(parents=True, exist_ok=True)
    with unpadding(encoder), tempfile.TemporaryDirectory(prefix="examples-", dir=arguments.output_dir) as cache:
        examples, losses = DatasetDict(), {}
        for number, (table, name) in enumerate(recipe.losses.items()):
            part, room = table.replace(".", "_"), Path(cache, str(number))  # torch wants names without a dot
            examples[part] = tokenized(OBJECTIVES[name].examples(data / table, room), encoder, room)
            losses[part] = OBJECTIVES[name].loss(encoder, training.mini_batch_size)
        several = len(losses) > 1
        yield Trainer(
            model=encoder,
            args=arguments,
            train_dataset=examples if several else next(iter(examples.values())),
            data_collator=collator(encoder.tokenizer),
            loss=losses if several else next(iter(losses.values())),
            **options,
        )


def _precision(wanted: str, device: torch.device) -> str:
    if wanted == "fp16" and device.type == "cpu":
        raise KosbertError("training.precision is 'fp16', which needs a GPU; on a CPU take auto, bf16 or fp32")
    if wanted != "auto":
        return wanted
    if has_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def _prepare(encoder: SentenceTransformer, dropout: float) -> None:
    # On a CPU the backward pass of PyTorch's fused bf16 attention is far slower than plain matrix products, which is
    # what packing has as well.
    if encoder.device.type == "cpu" and not can_unpad(encoder):
        encoder[0].model.set_attn_implementation("eager")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout


def arguments_for(
    recipe: Recipe, training: Training, encoder: SentenceTransformer, folder: Path, seed: int
) -> SentenceTransformerTrainingArguments:
    """Return the trainer's arguments for a recipe, with checkpoints in `folder`.

    Raises:
        KosbertError: the batch cannot be split among the processes, or the device has not the precision.
    """
    precision = _precision(training.precision, encoder.device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    at_once = recipe.batch_size
    if training.mini_batch_size and all(OBJECTIVES[loss].accumulates for loss in recipe.losses.values()):
        at_once = min(at_once, training.mini_batch_size * processes)
    if recipe.batch_size % at_once or at_once % processes:
        raise KosbertError(
            f"batch_size {recipe.batch_size} cannot be split evenly: {processes} processes, "
            f"training.mini_batch_size {training.mini_batch_size}; choose numbers that divide it"
        )
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        # Of all devices together: the batches that the sampler makes are split among them.
        per_device_train_batch_size=at_once,
        accelerator_config={"split_batches": True},
        dataloader_drop_last=processes > 1,  # a batch that is not full cannot be split evenly
        gradient_accumulation_steps=recipe.batch_size // at_once,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,
        batch_sampler=partial(batch_sampler, like_length=recipe.batches == "like_length"),
        multi_dataset_batch_sampler=MultiDatasetBatchSamplers.ROUND_ROBIN,
        seed=seed,
        full_determinism=True,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=encoder.device.type == "cpu",
        eval_strategy="steps",
        eval_steps=recipe.eval_steps,
        save_strategy="steps",
        save_steps=recipe.eval_steps,
        save_total_limit=1 + (recipe.average.states if recipe.average else 1),  # the best, and the newest
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{DEV_METRIC}",
        logging_strategy="steps",
        # Divides eval_steps, so that what is logged after a resumption is what would have been logged without.
        logging_steps=max(n for n in range(1, LOGGED_AT_MOST_EVERY + 1) if recipe.eval_steps % n == 0),
        report_to="none",
        disable_tqdm=not sys.stderr.isatty(),
    )


class Trainer(SentenceTransformerTrainer):
    """The library's trainer: one forward pass for all columns, and checkpoints that are whole or no checkpoints."""

    def __init__(self, **arguments: object) -> None:
        super().__init__(**arguments)
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback):
            self.add_callback(Bar())

    def add_model_card_callback(self, default_args_dict: dict[str, object]) -> None:
        """Add none: the card's examples would depend on chance."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the library's signature
        num_items_in_batch: int | None = None,
    ) -> Any:  # noqa: ANN401 - a tensor, or one and an empty dictionary
        """Compute the loss; all columns go through the encoder together, if the loss takes embeddings."""
        objective = self.loss[inputs["dataset_name"]] if isinstance(self.loss, dict) else self.loss
        if not hasattr(objective, "compute_loss_from_embeddings"):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        features, labels = self.collect_features(inputs)
        embeddings = embed_columns(model, features, separate_first=False)
        loss: Tensor = objective.compute_loss_from_embeddings(embeddings, labels)
        return (loss, {}) if return_outputs else loss

    def _save_checkpoint(self, model: nn.Module, trial: None) -> None:
        folder = Path(self.args.output_dir, f"checkpoint-{self.state.global_step}")
        try:
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                checkpoints.mark_complete(folder)
        except (OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            reason = str(error).splitlines()[0]
            raise KosbertError(
                f"{folder}: this checkpoint could not be written: {reason}; free some space, and run this again: "
                "training goes on from the checkpoint before"
            ) from error

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        own = {name: value for name, value in self._losses.state_dict().items() if ".model." not in name}
        if own and output_dir:
            torch.save(own, Path(output_dir, LOSS_WEIGHTS))

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        super()._load_from_checkpoint(checkpoint_path)
        own = Path(checkpoint_path, LOSS_WEIGHTS)
        if own.is_file():
            self._losses.load_state_dict(torch.load(own, weights_only=True), strict=False)

    @property
    def _losses(self) -> nn.ModuleDict:
        return nn.ModuleDict(self.loss if isinstance(self.loss, dict) else {"loss": self.loss})
