"""What a branch did to the figures: those here against those at another revision, with a verdict."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from tabulate import tabulate

from kosbert import dvc
from kosbert.errors import KosbertError
from kosbert.metrics import METRICS, MAIN

_ABSENT = ("deleted", "not in cache")  # what `dvc status` says of a file that is only not here


class Figure(NamedTuple):
    """One figure x 100 at the base and here; None where it is not."""

    row: str
    name: str
    before: float | None
    now: float | None

    @property
    def change(self) -> float | None:
        """How many points it has risen, if it is on both sides."""
        return None if self.before is None or self.now is None else round(self.now - self.before, 2)


@dataclass(frozen=True)
class Difference:
    """The workspace against the revision `base`.

    `parameters` are those that a stage uses on either side, as before and now, None where it does not. `stale` are the
    stages whose figures here are not those of the code and parameters here.
    """

    base: str
    figures: list[Figure]
    parameters: dict[str, tuple[Any, Any]]
    stale: list[str]

    def rows(self, side: str) -> list[str]:
        """The rows that have figures on a side, `before` or `now`."""
        return list(dict.fromkeys(figure.row for figure in self.figures if getattr(figure, side) is not None))

    @property
    def new(self) -> list[str]:
        """The rows that are only here."""
        return [row for row in self.rows("now") if row not in self.rows("before")]

    @property
    def gone(self) -> list[str]:
        """The rows that are only at the base."""
        return [row for row in self.rows("before") if row not in self.rows("now")]

    def chosen(self, key: str) -> tuple[Any, Any]:
        """What the parameter `dataset` or `base_model` is on either side."""
        return self.parameters.get(key, (None, None))

    @property
    def comparable(self) -> bool:
        """Whether both sides have the same test set."""
        before, now = (
            self.parameters.get(f"datasets.{name}.sts.test.digest", (None, None))[side]
            for side, name in enumerate(self.chosen("dataset"))
        )
        return bool(before == now)


def compare(base: str) -> Difference:
    """Compare the workspace with a revision.

    Args:
        base: a branch, tag, commit or experiment.

    Raises:
        KosbertError: there is no such revision or no repository, or the revision has no figures.
    """
    if not base:
        raise KosbertError("BASE is empty: give a branch, tag or commit to compare with, such as main")
    try:
        metrics = dvc.ask("metrics", "diff", "--json", "--all", "--", base)
    except KosbertError as error:
        raise KosbertError(f"cannot compare with {base!r}: {error.message}") from error
    figures = [
        Figure(row, name, values[name].get("old"), values[name].get("new"))
        for row, values in sorted((row_of(path), values) for path, values in metrics.items())
        for name in METRICS
        if name in values
    ]
    if all(figure.before is None for figure in figures):
        raise KosbertError(f"{base} has no figures to compare with: its metrics are not committed, or of another form")
    parameters = dvc.ask("params", "diff", "--json", "--all", "--deps", "--", base).get("params.yaml", {})
    return Difference(
        base,
        figures,
        {key: (values.get("old"), values.get("new")) for key, values in sorted(parameters.items())},
        _stale(dvc.ask("status", "--json")),
    )


def row_of(path: str) -> str:
    """Return the row whose figures are in a metrics file."""
    return path.removeprefix("metrics/").removesuffix(".json")


def _stale(status: dict[str, list[Any]]) -> list[str]:
    """Return the stages that something has changed for; a file that is merely not here, as in a fresh clone, is not."""

    def changed(reason: Any) -> bool:  # noqa: ANN401 - a word, or what has changed by its kind and name
        if not isinstance(reason, dict):
            return True
        return any(state not in _ABSENT for things in reason.values() for state in things.values())

    return sorted(stage for stage, reasons in status.items() if any(map(changed, reasons)))


def faults(difference: Difference, *, drop_at_most: float) -> list[str]:
    """Return what speaks against a difference, a line each; none if it passes.

    Args:
        difference: as `compare` returns it.
        drop_at_most: how many points a figure may drop.
    """
    found = [f"Row `{row}` has vanished." for row in difference.gone]
    dropped: dict[str, list[str]] = {}
    for figure in difference.figures:
        if figure.change is not None and -figure.change > drop_at_most:
            dropped.setdefault(figure.row, []).append(f"{figure.name} {figure.change:+.2f}")
    found += [f"Row `{row}` dropped: {', '.join(names)}." for row, names in dropped.items()]
    if difference.stale:
        found.append(
            f"Not up to date, so these figures are not those of the code and parameters here: "
            f"{', '.join(difference.stale)}. Run `dvc repro`."
        )
    if not difference.comparable:
        before, now = difference.chosen("dataset")
        found.append(
            f"The test set is another (dataset `{before}` before, `{now}` now): the scores cannot be compared, "
            "and no change below means anything."
        )
    return found


def report(difference: Difference, *, drop_at_most: float) -> str:
    """Return a difference as Markdown: the verdict, what to know of it, the figures, and the changed parameters."""
    base, wrong = difference.base, faults(difference, drop_at_most=drop_at_most)
    points = f"{drop_at_most:g} point{'' if drop_at_most == 1 else 's'}"
    verdict = (
        f"**Fails** (a figure may drop by {points}):\n\n" + "\n".join(f"- {line}" for line in wrong)
        if wrong
        else f"**Passes**: no figure is more than {points} below that of `{base}`."
    )
    return "\n\n".join(
        [f"### The benchmark against `{base}`", verdict, *_notes(difference), _figures(difference)]
        + [_parameters(difference)] * bool(_changed(difference))
    )


def _notes(difference: Difference) -> list[str]:
    notes = [f"Row `{row}` is new; there is nothing to hold it against." for row in difference.new]
    before, now = difference.chosen("dataset")
    if before != now and difference.comparable:
        notes.append(f"Trained on another dataset: `{before}` before, `{now}` now. The test set is the same.")
    before, now = difference.chosen("base_model")
    if before != now:
        notes.append(
            f"The base model is another: `{before}` before, `{now}` now. The verdict is on both, base and recipes."
        )
    return notes


def _figures(difference: Difference) -> str:
    rows = [
        [
            figure.row,
            figure.name,
            "new" if figure.before is None else f"{figure.before:.2f}",
            "gone" if figure.now is None else f"{figure.now:.2f}",
            "" if figure.change is None else f"{figure.change:+.2f}" if figure.change else "0.00",
        ]
        for figure in difference.figures
        if figure.name == MAIN or figure.before != figure.now
    ]
    headers = ["Row", "Figure", "Before", "Now", "Change"]
    return tabulate(
        rows, headers, tablefmt="github", disable_numparse=True, colalign=("left", "left", "right", "right", "right")
    )


def _changed(difference: Difference) -> list[tuple[str, Any, Any]]:
    """Return the changed parameters; of a dataset or base that only one side uses, the name says enough."""
    return [
        (key, before, now)
        for key, (before, now) in difference.parameters.items()
        if before != now and not (key.startswith(("datasets.", "base_models.")) and None in (before, now))
    ]


def _parameters(difference: Difference) -> str:
    rows = [[f"`{key}`", _value(before), _value(now)] for key, before, now in _changed(difference)]
    return tabulate(rows, ["Parameter", "Before", "Now"], tablefmt="github", disable_numparse=True)


def _value(value: Any) -> str:  # noqa: ANN401 - any value of params.yaml
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "`" + " ".join(text.replace("|", "\\|").replace("`", "'").split()) + "`"
