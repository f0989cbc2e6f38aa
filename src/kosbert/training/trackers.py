"""Experiment trackers such as W&B: transformers' own callbacks, whose failures are one line that names the tracker."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from transformers import TrainerCallback
from transformers.integrations import get_available_reporting_integrations, get_reporting_integration_callbacks

from kosbert.errors import KosbertError, one_line

CURVES = "dvclive"  # no callback of transformers: `dvc plots` wants our `Curves` in any case
PROJECT = "kosbert"  # where trackers file our runs


def tracker_callbacks(trackers: Iterable[str]) -> list[TrainerCallback]:
    """Return the callbacks of trackers.

    Args:
        trackers: their names, as `training.report_to` has them.

    Raises:
        KosbertError: a tracker is not installed, or fails, now or later.
    """
    return [_guarded(tracker) for tracker in dict.fromkeys(trackers) if tracker != CURVES]


def _guarded(tracker: str) -> TrainerCallback:
    if tracker not in get_available_reporting_integrations():
        raise KosbertError(f"training.report_to: {tracker} is not installed; pip install {tracker}")
    (kind,) = get_reporting_integration_callbacks([tracker])
    callback: TrainerCallback = _in_words(kind, tracker)()
    for event in (name for name in dir(callback) if name.startswith("on_")):
        setattr(callback, event, _in_words(getattr(callback, event), tracker))
    return callback


def _in_words(call: Callable[..., Any], tracker: str) -> Callable[..., Any]:
    @wraps(call)
    def guarded(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - transformers'
        try:
            return call(*arguments, **options)
        except Exception as error:  # whatever a tracker raises
            raise KosbertError(
                f"training.report_to: {tracker} failed: {one_line(error, 300)}; set it up, or leave it out"
            ) from error

    return guarded
