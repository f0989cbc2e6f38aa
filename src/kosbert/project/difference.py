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
_GOLD = ("digest", "sentence1", "sentence2", "score")  # what makes the pairs and gold scores of an extra test set
_ABSENT = ("deleted", "not in cache")  # how `dvc status` describes a file that is only missing here


class Scored(NamedTuple):
    """A row on a test set; the name of an extra one, or nothing for the dataset's own."""

    row: str
    extra: str = ""

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"`{self.row}` on `{self.extra}`" if self.extra else f"`{self.row}`"


class MetricChange(NamedTuple):
    """A metric x 100 of a row at the base and here; None on a side that does not have it.

    Attributes:
        row: the row.
        metric: one of the `METRICS`; on an extra test set, after its name and a dot, as DVC calls it.
        before: its value at the base.
        now: its value here.
    """

    row: str
    metric: str
    before: float | None
    now: float | None

    @property
    def name(self) -> str:
        """The metric, one of the `METRICS`, whatever the test set."""
        return self.metric.rpartition(".")[2]

    @property
    def scored(self) -> Scored:
        """The row, and the extra test set that this is a metric on; that is empty for the dataset's own."""
        return Scored(self.row, self.metric.rpartition(".")[0])

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

    def scored(self, side: str) -> list[Scored]:
        """Return the rows that have metrics on a side, `before` or `now`, each with its test sets."""
        return list(dict.fromkeys(change.scored for change in self.changes if getattr(change, side) is not None))

    @property
    def new(self) -> list[Scored]:
        """The rows, or test sets of a row, that are only here."""
        known = self.scored("before") + self.missing
        return _without_parts([each for each in self.scored("now") if each not in known])

    @property
    def missing(self) -> list[Scored]:
        """The rows of the base, or test sets of a row, whose metrics are not committed there, or broken."""
        rows = [
            key.removeprefix(_ROW) for key, (before, _) in self.parameters.items() if key.startswith(_ROW) and before
        ]
        expected = [Scored(row, extra) for row in rows for extra in ("", *self.extra_tests("before"))]
        return _without_parts([each for each in expected if each not in self.scored("before")])

    @property
    def gone(self) -> list[Scored]:
        """The rows, or test sets of a row, that are only at the base."""
        return _without_parts([each for each in self.scored("before") if each not in self.scored("now")])

    def extra_tests(self, side: str) -> dict[str, list[Any]]:
        """Return what makes the gold scores of each extra test set on a side, `before` or `now`."""
        number = ("before", "now").index(side)
        prefix = f"datasets.{self.parameter('dataset')[number]}.sts.extra."
        found: dict[str, list[Any]] = {}
        for key, values in self.parameters.items():
            name, _, part = key.removeprefix(prefix).partition(".test.")
            if key.startswith(prefix) and part in _GOLD and values[number] is not None:
                found.setdefault(name, []).append((part, values[number]))
        return found

    def parameter(self, key: str) -> tuple[Any, Any]:
        """Return the value of a parameter before and now."""
        return self.parameters.get(key, (None, None))

    @property
    def other_extra_tests(self) -> list[str]:
        """The extra test sets of which the two sides have different ones."""
        before, now = (self.extra_tests(side) for side in ("before", "now"))
        return [name for name in before if name in now and before[name] != now[name]]

    @property
    def comparable(self) -> bool:
        """Whether both sides have the same test set."""
        before, now = (
            self.parameter(f"datasets.{name}.sts.test.digest")[side]
            for side, name in enumerate(self.parameter("dataset"))
        )
        return bool(before == now)


def _without_parts(scored: list[Scored]) -> list[Scored]:
    """Return rows, and test sets of other rows than these."""
    return [each for each in scored if not each.extra or Scored(each.row) not in scored]


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
        MetricChange(row_of(path), metric, values.get("old"), values.get("new"))
        for path, found in metrics.items()
        for metric, values in found.items()
        if metric.rpartition(".")[2] in METRICS
    ]
    changes.sort(key=lambda change: (change.scored, METRICS.index(change.name)))
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
    """Return the row whose metrics are in a file: those on its test set, on extra ones, or of fewer dimensions."""
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
    lines = [f"Row {row} has vanished." for row in comparison.gone]
    lines += [
        f"Row {row} cannot be compared: at `{comparison.base}` its metrics are missing or broken."
        for row in comparison.missing
    ]
    dropped = [change for change in comparison.changes if -(change.points or 0) > drop_at_most]
    for row in dict.fromkeys(change.scored for change in dropped):
        drops = [f"{change.name} {change.points:+.2f}" for change in dropped if change.scored == row]
        lines.append(f"Row {row} dropped: {', '.join(drops)}.")
    if comparison.stale:
        lines.append(
            f"Not up to date, so these metrics do not belong to the code and parameters here: "
            f"{', '.join(comparison.stale)}. Run `dvc repro`."
        )
    if not comparison.comparable:
        before, now = comparison.parameter("dataset")
        lines.append(
            f"The test set differs (dataset `{before}` before, `{now}` now): the scores cannot be compared, "
            "and no change below means anything."
        )
    lines += [
        f"The extra test set `{name}` differs: the scores on it cannot be compared."
        for name in comparison.other_extra_tests
    ]
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
    notes = [f"Row {row} is new; there is nothing to compare it with." for row in comparison.new]
    before, now = comparison.parameter("dataset")
    if before != now and comparison.comparable:
        notes.append(f"Trained on another dataset: `{before}` before, `{now}` now. The test set is the same.")
    before, now = comparison.parameter("base_model")
    if before != now:
        notes.append(
            f"The base model differs: `{before}` before, `{now}` now. The verdict is on both, base and recipes."
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
        if change.name == MAIN_METRIC or change.before != change.now
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
