"""Training a recipe: warm-up, dev scores on the way, and at the end the best state, or the average of several."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch
from datasets import DatasetDict, disable_progress_bars
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments

from kosbert.data.tables import read_tune
from kosbert.encoder.model import load, save, without_progress_bars
from kosbert.encoder.weights import NotFiniteError
from kosbert.errors import KosbertError
from kosbert.files import weights_digest
from kosbert.metrics import Cost
from kosbert.params import Recipe, Training
from kosbert.training import checkpoints
from kosbert.training.averaging import load_average
from kosbert.training.dev import PairEvaluator, dev_score
from kosbert.training.processes import check_equal, failures_in_words, share_folder
from kosbert.training.progress import Curves, ProgressLines
from kosbert.training.trackers import tracker_callbacks
from kosbert.training.trainer import Trainer, arguments_for, build_trainer

FEW_STEPS = 10  # a training of fewer steps hardly changes a model
SEED_STRIDE = 1000  # between the seeds of runs that are averaged, so that trainings with the seeds 1, 2, 3 share none


@dataclass(frozen=True)
class Outcome:
    """What came of a training. Dev scores are cosine Spearman x 100.

    Attributes:
        initial_dev: the dev score of the initial model.
        best_dev: the dev score of the state or average that was saved.
        cost: what the training cost; None for one that was resumed, where that is not known.
    """

    initial_dev: float
    best_dev: float
    cost: Cost | None = field(compare=False)


@failures_in_words()
@without_progress_bars()
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
    pushed: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Outcome | None:
    """Train a recipe and save the encoder with the best dev score, or the average that the recipe wants.

    A training that was killed resumes from its last checkpoint, with the same result. Under torchrun or accelerate all
    processes share the work: a batch is split among them. Hosts that have a folder each all write the same.

    Args:
        recipe: the recipe.
        init: the initial model, a sentence-transformers folder.
        data: the table, or the folder of tables, that the recipe learns from.
        dev: the tune file that states are compared on.
        out: the folder to write, complete or not at all; checkpoints lie beside it until then.
        card: the card of the trained encoder.
        curves: the folder for the training curves: those of the first run, where several are averaged. Trackers
            (`training.report_to`) get the same.
        training: the parameters that all trainings share.
        seed: the seed of everything random in the first run; that of the next is higher by `SEED_STRIDE`.
        pushed: the folder for what `dvc push` sends of the encoder; see `encoder.pushed`.
        check: called once the training is done and before anything of it is written. If it raises an error, the
            checkpoints stay, so that the same training has the same result at once.

    Returns:
        The outcome in the process that writes, one on each host, or one in all if hosts share the folder; None in all
        others.

    Raises:
        KosbertError: a row of a table is malformed, the batch cannot be split, the disk is full, a checkpoint cannot
            be read or has been damaged since, a GPU's memory does not suffice, a tracker fails, training diverged, or
            processes that train together lose each other or do not train the same.
    """
    began = time.monotonic()
    if not sys.stderr.isatty():
        disable_progress_bars()
    parameters = {
        **{f"recipe.{name}": value for name, value in recipe.model_dump().items()},
        **{f"training.{name}": value for name, value in training.model_dump(exclude={"launch"}).items()},
        "seed": seed,
    }
    decisive = checkpoints.decisive({"init": init, "data": data, "dev": dev}, parameters)
    folder = checkpoints.checkpoint_dir(out, decisive)
    average = recipe.average
    run_dirs = checkpoints.run_dirs(folder, average.runs if average else 1)
    initial_dev, resumed, states = math.nan, False, []
    for number, run_dir in enumerate(run_dirs):
        encoder = load(init)
        arguments = arguments_for(
            recipe,
            training,
            encoder,
            run_dir,
            (seed + SEED_STRIDE * number) % 2**32,
            name=out.name,
        )
        # Each host writes all of it for itself, unless all hosts see the same folder.
        arguments.save_on_each_node = arguments.world_size > 1 and not share_folder(folder)
        if number == 0:
            check_equal({**decisive, "precision": _precision_of(arguments)})
            _prune(folder, arguments)
        checkpoint = checkpoints.resumable(run_dir)
        evaluator = PairEvaluator(read_tune(dev), bf16=arguments.bf16, name="dev")
        reporting = [] if number else [Curves(curves), *tracker_callbacks(training.report_to)]
        callbacks = [ProgressLines(), *reporting]
        with build_trainer(
            encoder, recipe, data, arguments, training=training, evaluator=evaluator, callbacks=callbacks
        ) as trainer:
            if number == 0 and arguments.should_save:
                initial_dev = _score_initial(trainer, recipe)
            if len(run_dirs) > 1 and arguments.should_save:
                click.echo(f"run {number + 1} of {len(run_dirs)}, with the seed {arguments.seed}")
            best_dev = trainer.fit(checkpoint)
            if number == 0 and arguments.should_save and trainer.state.max_steps < FEW_STEPS:
                steps = f"{trainer.state.max_steps} step{'s' * (trainer.state.max_steps > 1)}"
                click.echo(f"NOTE: this training has only {steps}; for more, lower batch_size or raise epochs")
        del trainer  # its optimizer needs more memory than the encoder
        _raise_if_diverged(best_dev, arguments, folder)
        states += checkpoints.latest(run_dir, average.states) if average else []
        resumed = resumed or checkpoint is not None
    if not arguments.should_save:
        return None
    if average:
        best_dev = _take_average(encoder, states, init, average.init, evaluator)
        _raise_if_diverged(best_dev, arguments, folder)
    check()
    save(encoder, out, card=card, calibration=evaluator.calibrate(encoder, best_dev), pushed=pushed)
    checkpoints.remove(folder)
    minutes = round((time.monotonic() - began) / 60, 1)
    size = sum(tensor.numel() for tensor in encoder.parameters())
    cost = None if resumed else Cost(size, minutes, _hardware(arguments), weights_digest(out))
    return Outcome(initial_dev, best_dev, cost)


def _prune(folder: Path, arguments: SentenceTransformerTrainingArguments) -> None:
    """Remove useless checkpoints, and say which of them were damaged; other processes wait for that."""
    with arguments.main_process_first(local=arguments.save_on_each_node):
        for damage in checkpoints.prune(folder) if arguments.should_save else []:
            click.echo(f"{damage}; what came after the checkpoint before it is trained again")


def _score_initial(trainer: Trainer, recipe: Recipe) -> float:
    """Say what a training learns from and on what, and return the dev score of the initial model."""
    tables = trainer.train_dataset
    parts = tables.values() if isinstance(tables, DatasetDict) else [tables]
    losses = zip(parts, recipe.losses.values(), strict=True)
    examples = "; ".join(f"{len(part):,} examples, {loss} loss" for part, loss in losses)
    click.echo(f"{examples}, {_hardware(trainer.args)}")
    # The trainer itself does not evaluate here: its processes would then share no gradients later.
    initial_dev = dev_score(trainer.evaluator(trainer.model))
    click.echo(f"start: dev cosine Spearman {initial_dev:.2f}")
    return initial_dev


def _take_average(
    encoder: SentenceTransformer, states: list[Path], init: Path, init_share: float, evaluator: PairEvaluator
) -> float:
    """Load an average of states into an encoder, and return its dev score; NaN if a state has no more numbers."""
    for state in states:
        checkpoints.check(state)
    try:
        load_average(encoder, states, init, init_share)
    except NotFiniteError:
        return math.nan
    dev = dev_score(evaluator(encoder))
    several = f"{len(states)} states" if len(states) > 1 else "one state"
    click.echo(f"average of {several} and the start: dev cosine Spearman {dev:.2f}")
    return dev


def _precision_of(arguments: SentenceTransformerTrainingArguments) -> str:
    return "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32"


def _hardware(arguments: SentenceTransformerTrainingArguments) -> str:
    precision = _precision_of(arguments)
    device = arguments.device.type
    if device != "cpu":
        return f"{precision} on {device}"
    threads = torch.get_num_threads()
    return f"{precision} on cpu, {threads} thread{'s' * (threads > 1)}"


def _raise_if_diverged(dev: float, arguments: SentenceTransformerTrainingArguments, folder: Path) -> None:
    if math.isnan(dev):
        if arguments.should_save:
            checkpoints.remove(folder)  # nobody could resume from there
        raise KosbertError(
            "training diverged: its weights or its dev scores are no longer numbers; "
            f"lower the recipe's learning_rate ({arguments.learning_rate:g})"
        )
