"""Mean and spread over seeds: the experiments of a sweep, grouped by whatever else they vary."""

import json
from statistics import mean, stdev
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from tabulate import tabulate

from kosbert import dvc, git
from kosbert.project.difference import row_of
from kosbert.errors import KosbertError
from kosbert.params import PARAMS

SEED = "seed"


class Experiment(NamedTuple):
    """A finished experiment: its parameters by their dotted names, and its figures by row and name."""

    parameters: dict[str, Any]
    figures: dict[str, dict[str, float]]


def finished(revision: str) -> tuple[list[Experiment], int]:
    """Return the finished experiments that began at a revision, the latest first, and how many others there are.

    An experiment with a target leaves the figures of other rows as they were at its beginning: it is not given those.

    Raises:
        KosbertError: there is no such revision or no repository, or no experiment is finished.
    """
    shown = dvc.ask("exp", "show", "--json", "--rev", revision)
    every = [one for commit in shown for one in commit["experiments"] or []]
    good = [_experiment(one["revs"][0]) for one in every if _is_finished(one)]
    if not good:
        raise KosbertError(
            f"no finished experiment began at {revision} ({len(every)} others did). "
            "Make some: dvc exp run --queue -S 'seed=range(1,4)', then: dvc exp run --run-all"
        )
    return good, len(every) - len(good)


def _is_finished(shown: dict[str, Any]) -> bool:
    ran = shown["executor"] is None or shown["executor"]["state"] == "success"  # None: it ran in the workspace
    return bool(ran and shown["revs"] and shown["revs"][0]["data"] and not shown["revs"][0]["error"])


def _experiment(shown: dict[str, Any]) -> Experiment:
    parameters = _flat(shown["data"]["params"][str(PARAMS)]["data"])
    lock = git.ask("show", f"{shown['rev']}:./dvc.lock")
    stages = list(YAML(typ="safe", pure=True).load(lock)["stages"].values())
    figures = {
        row_of(path): file["data"]
        for path, file in shown["data"]["metrics"].items()
        if "data" in file and _consistent(path, stages, parameters)
    }
    return Experiment(parameters, figures)


def _consistent(path: str, stages: list[dict[str, Any]], parameters: dict[str, Any]) -> bool:
    """Say whether a file was made with these parameters, and of files that were, all the way back.

    Args:
        path: the file; one that no stage makes is a source.
        stages: those of a `dvc.lock`.
        parameters: by their dotted names.
    """
    made = {out["path"]: (out.get("md5"), stage) for stage in stages for out in stage.get("outs", [])}
    if path not in made:
        return True
    _, stage = made[path]
    used = _flat(stage.get("params", {}).get(str(PARAMS), {}))
    if any(key not in parameters or parameters[key] != value for key, value in used.items()):
        return False
    return all(
        dep["md5"] == made[dep["path"]][0] and _consistent(dep["path"], stages, parameters)
        for dep in stage.get("deps", [])
        if dep["path"] in made
    )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def spread(experiments: list[Experiment], *, figure: str) -> str:
    """Return a figure's mean and sample standard deviation over seeds as Markdown: by row, and by what else varies.

    Args:
        experiments: the latest first; of a seed that was run twice with the same setting, the latest counts.
        figure: one of `FIGURES`.
    """
    names = dict.fromkeys(key for one in experiments for key in one.parameters if key != SEED)
    varied = [name for name in names if len({_text(one, name) for one in experiments}) > 1]
    rows = list(dict.fromkeys(row for one in experiments for row in one.figures if figure in one.figures[row]))
    groups: dict[tuple[str, tuple[str, ...]], dict[str, float]] = {}
    for one in reversed(experiments):
        setting = tuple(_text(one, name) for name in varied)
        for row in filter(one.figures.__contains__, rows):
            groups.setdefault((row, setting), {})[_text(one, SEED)] = one.figures[row][figure]
    ordered = sorted(groups.items(), key=lambda group: (rows.index(group[0][0]), *map(_order, group[0][1])))
    lines = [
        [row, *setting, len(draws), f"{mean(draws.values()):.2f}", _deviation(list(draws.values()))]
        for (row, setting), draws in ordered
    ]
    table = tabulate(
        lines,
        ["row", *varied, "seeds", "mean", "deviation"],
        tablefmt="github",
        disable_numparse=True,
        colalign=["left", *["right"] * (len(varied) + 3)],
    )
    return f"{figure} over seeds: mean and sample standard deviation\n\n{table}"


def _text(experiment: Experiment, key: str) -> str:
    return json.dumps(experiment.parameters[key], ensure_ascii=False) if key in experiment.parameters else ""


def _order(text: str) -> tuple[bool, float, str]:
    """Return a key that puts numbers before words, and in their order."""
    try:
        return False, float(text), ""
    except ValueError:
        return True, 0.0, text


def _deviation(draws: list[float]) -> str:
    return f"{stdev(draws):.2f}" if len(draws) > 1 else ""
