"""What a branch changed: the metrics here against those at another revision, with a verdict."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tabulate import tabulate

from kosbert.errors import KosbertError
from kosbert.metrics import MAIN_METRIC, METRICS
from kosbert.params import PARAMS
from kosbert.project import dvc, git

_ROW = "report.rows."  # before the name of a row, in the keys of parameters
_ABSENT = ("deleted", "not in cache")  # how `dvc status` describes a file that is only missing here


class MetricChange(NamedTuple):
    """A metric x 100 at the base and here; None on a side that does not have it."""

    row: str
    metric: str
    before: float | None
    now: float | None

    @property
    def points(self) -> float | None:
        """How many points the metric has risen, if both sides have it."""
        return None if self.before is None or self.now is None else round(self.now - self.before, 2)


@dataclass(frozen=True)
class BranchComparison:
    """The workspace against another revision.

    Attributes:
        base: the other revision.
        changes: all metrics of both sides.
        parameters: the values, before and now, of all parameters that a stage uses; None on a side where none does.
        stale: the stages whose results here do not belong to the code and parameters here.
        commit: the short hash of the base's commit, if git knows the base.
    """

    base: str
    changes: list[MetricChange]
    parameters: dict[str, tuple[Any, Any]]
    stale: list[str]
    commit: str = ""

    def rows(self, side: str) -> list[str]:
        """Return the rows that have metrics on a side, `before` or `now`."""
        return list(dict.fromkeys(change.row for change in self.changes if getattr(change, side) is not None))

    @property
    def new(self) -> list[str]:
        """The rows that are only here."""
        return [row for row in self.rows("now") if row not in self.rows("before") + self.missing]

    @property
    def missing(self) -> list[str]:
        """The rows of the base whose metrics are not committed there, or broken."""
        rows = [
            key.removeprefix(_ROW) for key, (before, _) in self.parameters.items() if key.startswith(_ROW) and before
        ]
        return [row for row in rows if row not in self.rows("before")]

    @property
    def gone(self) -> list[str]:
        """The rows that are only at the base."""
        return [row for row in self.rows("before") if row not in self.rows("now")]

    def parameter(self, key: str) -> tuple[Any, Any]:
        """Return the value of a parameter before and now."""
        return self.parameters.get(key, (None, None))

    @property
    def comparable(self) -> bool:
        """Whether both sides have the same test set."""
        before, now = (
            self.parameter(f"datasets.{name}.sts.test.digest")[side]
            for side, name in enumerate(self.parameter("dataset"))
        )
        return bool(before == now)


def compare_with(base: str) -> BranchComparison:
    """Compare the workspace with a revision.

    Args:
        base: a branch, tag, commit or experiment.

    Raises:
        KosbertError: there is no such revision or no repository, or the revision has no metrics.
    """
    if not base:
        raise KosbertError("BASE is empty: give a branch, tag or commit to compare with, such as main")
    try:
        metrics = dvc.ask("metrics", "diff", "--json", "--all", "--", base)
    except KosbertError as error:
        raise KosbertError(f"cannot compare with {base!r}: {error.message}") from error
    changes = [
        MetricChange(row, metric, values[metric].get("old"), values[metric].get("new"))
        for row, values in sorted((row_of(path), values) for path, values in metrics.items())
        for metric in METRICS
        if metric in values
    ]
    if all(change.before is None for change in changes):
        raise KosbertError(f"{base} has no metrics to compare with: they are not committed, or have another form")
    parameters = dvc.ask("params", "diff", "--json", "--all", "--deps", "--", base).get(str(PARAMS), {})
    return BranchComparison(
        base,
        changes,
        {key: (values.get("old"), values.get("new")) for key, values in sorted(parameters.items())},
        _stale(dvc.ask("status", "--json")),
        _commit(base),
    )


def row_of(path: str) -> str:
    """Return the row whose metrics are in a file."""
    return Path(path).stem


def _commit(base: str) -> str:
    """Return the short hash of a base, empty for an experiment: of that, only DVC knows."""
    with suppress(KosbertError):
        return git.ask("rev-parse", "--verify", "--short", f"{base}^{{commit}}").decode().strip()
    return ""


def _stale(status: dict[str, list[Any]]) -> list[str]:
    """Return the stages with changes; a file that is merely missing, as in a fresh clone, is no change."""

    def changed(reason: Any) -> bool:  # noqa: ANN401 - a word, or what has changed by its kind and name
        if not isinstance(reason, dict):
            return True
        return any(state not in _ABSENT for states in reason.values() for state in states.values())

    return sorted(stage for stage, reasons in status.items() if any(map(changed, reasons)))


def failures(comparison: BranchComparison, *, drop_at_most: float) -> list[str]:
    """Return why a comparison fails, one line for each reason; none if it passes.

    Args:
        comparison: the result of `compare_with`.
        drop_at_most: how many points a metric may drop.
    """
    lines = [f"Row `{row}` has vanished." for row in comparison.gone]
    lines += [
        f"Row `{row}` cannot be compared: at `{comparison.base}` its metrics are missing or broken."
        for row in comparison.missing
    ]
    dropped = [change for change in comparison.changes if -(change.points or 0) > drop_at_most]
    for row in dict.fromkeys(change.row for change in dropped):
        drops = [f"{change.metric} {change.points:+.2f}" for change in dropped if change.row == row]
        lines.append(f"Row `{row}` dropped: {', '.join(drops)}.")
    if comparison.stale:
        lines.append(
            f"Not up to date, so these metrics do not belong to the code and parameters here: "
            f"{', '.join(comparison.stale)}. Run `dvc repro`."
        )
    if not comparison.comparable:
        before, now = comparison.parameter("dataset")
        lines.append(
            f"The test set is another (dataset `{before}` before, `{now}` now): the scores cannot be compared, "
            "and no change below means anything."
        )
    return lines


def to_markdown(comparison: BranchComparison, *, drop_at_most: float) -> str:
    """Return a comparison as Markdown: the verdict, notes on it, the metrics, and the changed parameters."""
    base, reasons = comparison.base, failures(comparison, drop_at_most=drop_at_most)
    points = f"{drop_at_most:g} point{'' if drop_at_most == 1 else 's'}"
    verdict = (
        f"**Fails** (a metric may drop by {points}):\n\n" + "\n".join(f"- {line}" for line in reasons)
        if reasons
        else f"**Passes**: no metric is more than {points} below that of `{base}`."
    )
    commit = f" ({comparison.commit})" if comparison.commit else ""  # GitHub makes it a link
    tables = filter(None, [_metrics_table(comparison), _parameters_table(comparison)])
    return "\n\n".join([f"### The benchmark against `{base}`{commit}", verdict, *_notes(comparison), *tables])


def _notes(comparison: BranchComparison) -> list[str]:
    notes = [f"Row `{row}` is new; there is nothing to compare it with." for row in comparison.new]
    before, now = comparison.parameter("dataset")
    if before != now and comparison.comparable:
        notes.append(f"Trained on another dataset: `{before}` before, `{now}` now. The test set is the same.")
    before, now = comparison.parameter("base_model")
    if before != now:
        notes.append(
            f"The base model is another: `{before}` before, `{now}` now. The verdict is on both, base and recipes."
        )
    return notes


def _metrics_table(comparison: BranchComparison) -> str:
    rows = [
        [
            change.row,
            change.metric,
            "new" if change.before is None else f"{change.before:.2f}",
            "gone" if change.now is None else f"{change.now:.2f}",
            "" if change.points is None else f"{change.points:+.2f}" if change.points else "0.00",
        ]
        for change in comparison.changes
        if change.metric == MAIN_METRIC or change.before != change.now
    ]
    headers = ["Row", "Metric", "Before", "Now", "Change"]
    return tabulate(
        rows, headers, tablefmt="github", disable_numparse=True, colalign=("left", "left", "right", "right", "right")
    )


def _parameters_table(comparison: BranchComparison) -> str:
    """Return the changed parameters; for a dataset or base that only one side uses, the name says enough."""
    rows = [
        [f"`{key}`", _value(before), _value(now)]
        for key, (before, now) in comparison.parameters.items()
        if before != now and not (key.startswith(("datasets.", "base_models.")) and None in (before, now))
    ]
    return tabulate(rows, ["Parameter", "Before", "Now"], tablefmt="github", disable_numparse=True) if rows else ""


def _value(value: Any) -> str:  # noqa: ANN401 - any value of params.yaml
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "`" + " ".join(text.replace("|", "\\|").replace("`", "'").split()) + "`"
