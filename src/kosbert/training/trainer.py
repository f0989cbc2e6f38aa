"""sentence-transformers' trainer as we use it: built for a recipe, and with checkpoints that are complete or absent."""

import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import click
import torch
from datasets import DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.losses.merged_forward import embed_columns
from torch import Tensor, nn
from transformers import PrinterCallback, ProgressCallback, set_seed

from kosbert.encoder.encode import has_bf16
from kosbert.encoder.unpadding import can_unpad, unpadding
from kosbert.errors import KosbertError, one_line
from kosbert.params import Loss, Recipe, Training
from kosbert.training import checkpoints
from kosbert.training.batching import batch_sampler, collator, table_sampler, tokenize
from kosbert.training.dev import DEV_METRIC
from kosbert.training.losses import OBJECTIVES
from kosbert.training.processes import gather, is_of_connection
from kosbert.training.progress import ProgressBar
from kosbert.training.trackers import PROJECT

LOSS_WEIGHTS = "loss.pt"  # the file, in a checkpoint, of the weights that a loss has of its own
MAX_LOGGING_STEPS = 20  # loss and learning rate are logged at least this often


@contextmanager
def build_trainer(
    encoder: SentenceTransformer,
    recipe: Recipe,
    data: Path,
    losses: dict[str, Loss],
    arguments: SentenceTransformerTrainingArguments,
    *,
    training: Training,
    **options: Any,  # noqa: ANN401 - the trainer's
) -> Iterator["Trainer"]:
    """Build the trainer of a recipe; in the block, the encoder works without padding and the examples are on disk.

    Args:
        encoder: the encoder to train.
        recipe: the recipe.
        data: the table, or the folder of tables, that the recipe learns from.
        losses: the losses of its tables, as `losses.tables` returns them.
        arguments: the arguments that `arguments_for` returns.
        training: the parameters that all trainings share.
        options: further options of the trainer: evaluator, callbacks.

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
        examples, modules = DatasetDict(), {}
        for number, (table, loss) in enumerate(losses.items()):
            name, table_cache = table.replace(".", "_"), Path(cache, str(number))  # torch wants names without a dot
            examples[name] = tokenize(OBJECTIVES[loss].examples(data / table, table_cache), encoder, table_cache)
            modules[name] = OBJECTIVES[loss].loss(encoder, training.mini_batch_size)
            if arguments.dataloader_drop_last and len(examples[name]) < recipe.batch_size:
                raise KosbertError(
                    f"{data / table}: {len(examples[name]):,} examples, fewer than a batch of {recipe.batch_size} to "
                    "split among processes; lower batch_size"
                )
        several = len(modules) > 1
        yield Trainer(
            model=encoder,
            args=arguments,
            train_dataset=examples if several else next(iter(examples.values())),
            data_collator=collator(encoder.tokenizer),
            loss=modules if several else next(iter(modules.values())),
            **options,
        )


def _precision(wanted: str, device: torch.device) -> str:
    if wanted == "fp16" and device.type == "cpu":
        raise KosbertError("training.precision is 'fp16', which needs a GPU; on a CPU, choose auto, bf16 or fp32")
    if wanted != "auto":
        return wanted
    if has_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def _prepare(encoder: SentenceTransformer, dropout: float) -> None:
    # On a CPU the backward pass of PyTorch's fused bf16 attention is far slower than plain matrix products, which is
    # what unpadding has as well.
    if encoder.device.type == "cpu" and not can_unpad(encoder):
        encoder[0].model.set_attn_implementation("eager")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    # transformers writes weights in the first of all processes alone. Here each one that is to save writes them: `bool`
    # returns what it is asked.
    encoder[0].model.should_save_on_this_rank = bool


def arguments_for(
    recipe: Recipe,
    losses: dict[str, Loss],
    training: Training,
    encoder: SentenceTransformer,
    *,
    folder: Path,
    seed: int,
    name: str | None = None,
) -> SentenceTransformerTrainingArguments:
    """Return the trainer's arguments for a recipe.

    Args:
        recipe: the recipe.
        losses: the losses of its tables, as `losses.tables` returns them.
        training: the parameters that all trainings share.
        encoder: the encoder to train.
        folder: the folder for the checkpoints.
        seed: the seed of everything random.
        name: what trackers call the run.

    Raises:
        KosbertError: the batch cannot be split among the processes, or the device lacks the precision.
    """
    precision = _precision(training.precision, encoder.device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    micro_batch_size = recipe.batch_size
    if training.mini_batch_size and all(OBJECTIVES[loss].accumulates for loss in losses.values()):
        micro_batch_size = min(micro_batch_size, training.mini_batch_size * processes)
    if recipe.batch_size % micro_batch_size or micro_batch_size % processes:
        raise KosbertError(
            f"batch_size {recipe.batch_size} cannot be split evenly: {processes} processes, "
            f"training.mini_batch_size {training.mini_batch_size}; choose numbers that divide it"
        )
    shares = [recipe.shares.get(table, 1.0) for table in losses]
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        # This is the size for all devices together: the batches that the sampler makes are split among them.
        per_device_train_batch_size=micro_batch_size,
        accelerator_config={"split_batches": True},
        dataloader_drop_last=processes > 1,  # a batch that is not full cannot be split evenly
        gradient_accumulation_steps=recipe.batch_size // micro_batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,
        batch_sampler=partial(batch_sampler, like_length=recipe.batches == "like_length", share=shares[0]),
        multi_dataset_batch_sampler=partial(table_sampler, shares=shares, equal=recipe.turns == "equal"),
        seed=seed,
        full_determinism=True,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=encoder.device.type == "cpu",
        eval_strategy="steps",
        eval_steps=recipe.eval_steps,
        save_strategy="steps",
        save_steps=recipe.eval_steps,
        save_total_limit=1 + (recipe.average.states if recipe.average else 1),  # the best and the latest
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{DEV_METRIC}",
        logging_strategy="steps",
        # It divides eval_steps, so that a resumed training logs what an uninterrupted one logs.
        logging_steps=max(n for n in range(1, MAX_LOGGING_STEPS + 1) if recipe.eval_steps % n == 0),
        report_to="none",  # `tracker_callbacks` does it
        run_name=name,
        project=PROJECT,
        disable_tqdm=not sys.stderr.isatty(),
    )


class Trainer(SentenceTransformerTrainer):
    """The library's trainer: one forward pass for all columns, and checkpoints that are complete or absent."""

    def __init__(self, *, args: SentenceTransformerTrainingArguments, **arguments: object) -> None:
        super().__init__(args=args, **arguments)
        self._warmup_ratio = args.warmup_steps
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback):
            self.add_callback(ProgressBar())

    def fit(self, checkpoint: Path | None) -> float:
        """Train; at the end, the encoder has the state with the best dev score.

        Args:
            checkpoint: the checkpoint to resume from; None to train from the beginning.

        Returns:
            The dev score of that state; NaN if no state has one.

        Raises:
            KosbertError: the checkpoint cannot be read, or a GPU's memory does not suffice.
        """
        if checkpoint and self.args.should_save:
            click.echo(f"resuming from {checkpoint}")
        try:
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except UnpicklingError as error:
            raise KosbertError(
                f"{checkpoint}: this checkpoint is damaged or holds code, which is never run; "
                "delete it, then run this again"
            ) from error
        except torch.OutOfMemoryError as error:
            raise KosbertError(
                f"the GPU is out of memory ({one_line(error)}); set training.mini_batch_size to a part of "
                "batch_size (not for cosent: there, lower batch_size), and run this again"
            ) from error
        if self.state.best_model_checkpoint is None:
            return math.nan
        self.accelerator.wait_for_everyone()  # each process has read the best state
        return 100 * float(self.state.best_metric)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Create the schedule of the learning rate, with at least one step after the warm-up, which begins at 0.

        The library takes a ratio of 1 for one step.
        """
        warmup_steps = math.ceil(num_training_steps * self._warmup_ratio)
        self.args.warmup_steps = min(warmup_steps, num_training_steps - 1)
        return super().create_scheduler(num_training_steps, optimizer)

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
            self._share_random_states(folder)
            if self.args.should_save:
                checkpoints.mark_complete(folder)
        except Exception as error:  # each library has one of its own for a full disk
            shutil.rmtree(folder, ignore_errors=True)
            if is_of_connection(error):
                raise
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise KosbertError(
                f"{folder}: this checkpoint could not be written: {reason}; free some space, and run this again: "
                "training resumes from the checkpoint before"
            ) from error

    def _load_best_model(self) -> None:
        """Load the best state, or fail; the library goes on with the last one where it cannot."""
        best = Path(self.state.best_model_checkpoint)
        checkpoints.check(best)
        self._load_from_checkpoint(str(best))

    def _share_random_states(self, folder: Path) -> None:
        """Wait for all processes, and put the random state of each into the checkpoint of each host."""
        if self.args.world_size == 1:
            return
        own = folder / f"rng_state_{self.args.process_index}.pth"
        for name, state in gather((own.name, own.read_bytes())):
            if self.args.should_save and not (folder / name).is_file():
                (folder / name).write_bytes(state)

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
