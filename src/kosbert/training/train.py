"""Training a recipe: warm-up, dev scores on the way, and at the end the best state, or the average of several."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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
from kosbert.params import STS, Loss, Recipe, Training
from kosbert.training import checkpoints
from kosbert.training.averaging import load_average
from kosbert.training.dev import DevEvaluator, dev_score, in_words
from kosbert.training.losses import tables
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
    dev: Mapping[str, Path],
    out: Path,
    *,
    card: str,
    curves: Path,
    training: Training,
    seed: int,
    counting: Sequence[str] = (STS,),
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
        dev: the tune files of the dev sets, by name.
        out: the folder to write, complete or not at all; checkpoints lie beside it until then.
        card: the card of the trained encoder.
        curves: the folder for the training curves: those of the first run, where several are averaged. Trackers
            (`training.report_to`) get the same.
        training: the parameters that all trainings share.
        seed: the seed of everything random in the first run; that of the next is higher by `SEED_STRIDE`.
        counting: the dev sets whose mean score states are compared on.
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
    decisive = checkpoints.decisive(
        {"init": init, "data": data, **{f"dev {name}": dev[name] for name in dev}}, parameters
    )
    folder = checkpoints.checkpoint_dir(out, decisive)
    average, runs = recipe.average, recipe.runs
    run_dirs = checkpoints.run_dirs(folder, len(runs))
    sets = {name: [*read_tune(path)] for name, path in dev.items()}
    initial_dev, resumed = math.nan, False
    shares: dict[Path, float] = {}
    for number, (run_dir, (run, weight)) in enumerate(zip(run_dirs, runs, strict=True)):
        encoder, losses = load(init), tables(run, data)
        arguments = arguments_for(
            run,
            losses,
            training,
            encoder,
            folder=run_dir,
            seed=(seed + SEED_STRIDE * number) % 2**32,
            name=out.name,
        )
        # Each host writes all of it for itself, unless all hosts see the same folder.
        arguments.save_on_each_node = arguments.world_size > 1 and not share_folder(folder)
        if number == 0:
            check_equal({**decisive, "precision": _precision_of(arguments)})
            _prune(folder, arguments)
        checkpoint = checkpoints.resumable(run_dir)
        evaluator = DevEvaluator(sets, counting=counting, bf16=arguments.bf16)
        reporting = [] if number else [Curves(curves), *tracker_callbacks(training.report_to)]
        callbacks = [ProgressLines(), *reporting]
        with build_trainer(
            encoder, run, data, losses, arguments, training=training, evaluator=evaluator, callbacks=callbacks
        ) as trainer:
            if arguments.should_save:
                if len(runs) > 1:
                    click.echo(f"run {number + 1} of {len(runs)}, with the seed {arguments.seed}")
                _say_what_is_learned(trainer, losses)
                if number == 0:
                    initial_dev = _score_initial(trainer)
            best_dev = trainer.fit(checkpoint)
            if number == 0 and arguments.should_save and trainer.state.max_steps < FEW_STEPS:
                steps = f"{trainer.state.max_steps} step{'s' * (trainer.state.max_steps > 1)}"
                click.echo(f"NOTE: this training has only {steps}; for more, lower batch_size or raise epochs")
        del trainer  # its optimizer needs more memory than the encoder
        _raise_if_diverged(best_dev, arguments, folder)
        states = checkpoints.latest(run_dir, average.states) if average else []
        shares |= {state: weight / len(states) for state in states}
        resumed = resumed or checkpoint is not None
    if not arguments.should_save:
        return None
    if average:
        shares = {init: average.init, **{state: (1 - average.init) * share for state, share in shares.items()}}
        best_dev = _take_average(encoder, shares, evaluator)
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
            click.echo(f"{damage}; training resumes from the checkpoint before it")


def _say_what_is_learned(trainer: Trainer, losses: dict[str, Loss]) -> None:
    examples = trainer.train_dataset
    parts = examples.values() if isinstance(examples, DatasetDict) else [examples]
    learned = [
        f"{len(part):,} examples{f' of {table}' * bool(table)}, {loss} loss"
        for part, (table, loss) in zip(parts, losses.items(), strict=True)
    ]
    click.echo(f"{'; '.join(learned)}, {_hardware(trainer.args)}")


def _score_initial(trainer: Trainer) -> float:
    """Say and return the dev score of the initial model."""
    # The trainer itself does not evaluate here: its processes would then share no gradients later.
    metrics = trainer.evaluator(trainer.model)
    click.echo(f"start: {in_words(metrics)}")
    return dev_score(metrics)


def _take_average(encoder: SentenceTransformer, shares: dict[Path, float], evaluator: DevEvaluator) -> float:
    """Load an average into an encoder, and return its dev score; NaN if a state has no more numbers.

    Args:
        encoder: the encoder.
        shares: the folders of the initial model and of the states, in this order, with their shares.
        evaluator: what measures the dev score.
    """
    _, *states = shares
    for state in states:
        checkpoints.check(state)
    try:
        load_average(encoder, shares)
    except NotFiniteError:
        return math.nan
    metrics = evaluator(encoder)
    several = f"{len(states)} states" if len(states) > 1 else "one state"
    click.echo(f"average of {several} and the start: {in_words(metrics)}")
    return dev_score(metrics)


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
            "training diverged: its weights or its dev scores are not finite; "
            f"lower the recipe's learning_rate ({arguments.learning_rate:g})"
        )
