"""What a training shows while it runs: a bar on a terminal, plain lines elsewhere, and curves for `dvc plots`."""

import math
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from dvclive import Live
from transformers import ProgressCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from kosbert.training.dev import dev_score, in_words

LOGGED = ("loss", "learning_rate")
LINE_EVERY = 30  # seconds


class ProgressLines(TrainerCallback):
    """Plain lines: each dev score, and between them from time to time how far and how fast training is."""

    def __init__(self) -> None:
        self._began, self._first_step, self._last_line = time.monotonic(), 0, time.monotonic()

    def on_train_begin(self, _: TrainingArguments, state: TrainerState, *__: object, **___: object) -> None:
        """Note when training began, and at which step."""
        self._began, self._first_step, self._last_line = time.monotonic(), state.global_step, time.monotonic()

    def on_log(
        self, _: TrainingArguments, state: TrainerState, __: TrainerControl, *, logs: dict[str, float], **___: object
    ) -> None:
        """Say how far training is, if the last line was some time ago."""
        if "loss" in logs and time.monotonic() - self._last_line >= LINE_EVERY:
            self._say(state, f"loss {logs['loss']:.4f}")

    def on_evaluate(
        self, _: TrainingArguments, state: TrainerState, __: TrainerControl, *, metrics: dict[str, float], **___: object
    ) -> None:
        """Say the dev score."""
        self._say(state, in_words(metrics))

    def _say(self, state: TrainerState, what: str) -> None:
        self._last_line = time.monotonic()
        done = state.global_step - self._first_step
        pace = ""
        if done > 0 and state.global_step < state.max_steps:
            rate = done / (time.monotonic() - self._began)
            left = timedelta(seconds=round((state.max_steps - state.global_step) / rate))
            pace = f" ({rate:.2f} steps/s, {left} left)"
        if state.is_world_process_zero:
            click.echo(f"step {state.global_step}/{state.max_steps}: {what}{pace}")


class ProgressBar(ProgressCallback):
    """The trainer's progress bar with rate and time left, followed by the loss and the last dev score."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, str] = {}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *rest: object, **more: object) -> None:
        """Begin at the step from which training resumes, so that rate and time left are those of this run."""
        super().on_train_begin(args, state, *rest, **more)
        if self.training_bar is not None:
            self.training_bar.initial = self.training_bar.n = self.current_step = state.global_step

    def on_log(
        self, _: TrainingArguments, state: TrainerState, __: TrainerControl, logs: dict[str, float], **___: object
    ) -> None:
        """Show the loss."""
        self._show(state, {"loss": f"{logs['loss']:.4f}"} if "loss" in logs else {})

    def on_evaluate(
        self,
        _: TrainingArguments,
        state: TrainerState,
        __: TrainerControl,
        metrics: dict[str, float] | None = None,
        **___: object,
    ) -> None:
        """Show the dev score."""
        self._show(state, {"dev": f"{dev_score(metrics):.2f}"} if metrics else {})

    def _show(self, state: TrainerState, values: dict[str, str]) -> None:
        self._shown |= values
        if state.is_world_process_zero and self.training_bar is not None:
            self.training_bar.set_postfix(self._shown)


class Curves(TrainerCallback):
    """Write loss, learning rate and dev score for `dvc plots`; those from before a resumption are written again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live: Live | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: object, **__: object) -> None:
        """Begin the curves, with what a resumed training has logged already."""
        if not args.should_save:
            return
        self._live = Live(str(self._folder), save_dvc_exp=False, report=None, dvcyaml=None)
        for entry in state.log_history:
            self._add(entry, int(entry["step"]))

    def on_log(
        self, _: TrainingArguments, state: TrainerState, __: TrainerControl, *, logs: dict[str, float], **___: object
    ) -> None:
        """Add a point to each curve."""
        self._add(logs, state.global_step)

    def on_train_end(self, *_: object, **__: object) -> None:
        """Finish the files."""
        if self._live:
            self._live.end()
            (self._folder / "metrics.json").unlink(missing_ok=True)  # the last point again, which is no curve
            self._live = None

    def _add(self, entry: dict[str, Any], step: int) -> None:
        if self._live is None:
            return
        self._live.step = step
        for name in LOGGED:
            if name in entry:
                self._live.log_metric(f"train/{name}", entry[name])
        if not math.isnan(score := dev_score(entry)):
            self._live.log_metric("dev/cosine_spearman", score)
