"""Mean and spread over seeds: the experiments of a sweep, grouped by whatever else they vary."""

import json
from typing import Any, NamedTuple

import pandas as pd
from ruamel.yaml import YAML
from tabulate import tabulate

from kosbert.errors import KosbertError
from kosbert.metrics import METRICS
from kosbert.params import PARAMS
from kosbert.project import dvc, git
from kosbert.project.difference import row_of

SEED = "seed"


class Experiment(NamedTuple):
    """A finished experiment: its parameters by their dotted names, and its metrics by row and name."""

    parameters: dict[str, Any]
    metrics: dict[str, dict[str, float]]


def finished(revision: str) -> tuple[list[Experiment], int]:
    """Return the finished experiments that began at a revision, the latest first, and how many others there are.

    An experiment with a target leaves the metrics of other rows as they were when it began; these do not count as its.

    Raises:
        KosbertError: there is no such revision or no repository, or no experiment is finished.
    """
    shown = dvc.ask("exp", "show", "--json", "--rev", revision)
    begun = [each for commit in shown for each in commit["experiments"] or []]
    experiments = [_experiment(each["revs"][0]) for each in begun if _is_finished(each)]
    if not experiments:
        raise KosbertError(
            f"no finished experiment began at {revision} ({len(begun)} others did). "
            "Make some: dvc exp run --queue -S 'seed=range(1,4)', then: dvc exp run --run-all"
        )
    return experiments, len(begun) - len(experiments)


def _is_finished(shown: dict[str, Any]) -> bool:
    ran = shown["executor"] is None or shown["executor"]["state"] == "success"  # None: it ran in the workspace
    return bool(ran and shown["revs"] and shown["revs"][0]["data"] and not shown["revs"][0]["error"])


def _experiment(shown: dict[str, Any]) -> Experiment:
    parameters = _flat(shown["data"]["params"][str(PARAMS)]["data"])
    lock = git.ask("show", f"{shown['rev']}:./dvc.lock")
    stages = list(YAML(typ="safe", pure=True).load(lock)["stages"].values())
    metrics: dict[str, dict[str, float]] = {}
    for path, file in shown["data"]["metrics"].items():
        if "data" in file and _consistent(path, stages, parameters):
            metrics.setdefault(row_of(path), {}).update(_flat(file["data"]))
    return Experiment(parameters, metrics)


def _consistent(path: str, stages: list[dict[str, Any]], parameters: dict[str, Any]) -> bool:
    """Return whether a file was made with these parameters, and all files that it was made from as well.

    Args:
        path: the file; a file that no stage makes is a source.
        stages: the stages of a `dvc.lock`.
        parameters: the parameters by their dotted names.
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


def spread(experiments: list[Experiment], *, metric: str) -> str:
    """Return a metric's mean and sample standard deviation over seeds as Markdown: by row, and by what else varies.

    Args:
        experiments: the latest first; if a seed was run twice with the same setting, the latest counts.
        metric: one of `METRICS`; on an extra test set, after its name and a dot.

    Raises:
        KosbertError: no experiment has this metric.
    """
    names = dict.fromkeys(key for each in experiments for key in each.parameters if key != SEED)
    varied = [name for name in names if len({_text(each, name) for each in experiments}) > 1]
    draws = pd.DataFrame(
        [
            (row, *(_text(each, name) for name in varied), _text(each, SEED), metrics[metric])
            for each in experiments
            for row, metrics in each.metrics.items()
            if metric in metrics
        ],
        columns=["row", *varied, SEED, metric],
    )
    if draws.empty:
        names = dict.fromkeys(name for each in experiments for values in each.metrics.values() for name in values)
        there = [name for name in names if name.rpartition(".")[2] in METRICS]
        raise KosbertError(f"no experiment has the metric {metric}; there are: {', '.join(there) or 'none'}")
    latest = draws.drop_duplicates(["row", *varied, SEED])
    rows = [*draws["row"].unique()]
    groups = sorted(
        latest.groupby(["row", *varied])[metric],
        key=lambda group: (rows.index(group[0][0]), *map(_order, group[0][1:])),
    )
    table = tabulate(
        [
            [*setting, len(values), f"{values.mean():.2f}", f"{values.std():.2f}" if len(values) > 1 else ""]
            for setting, values in groups
        ],
        ["row", *varied, "seeds", "mean", "deviation"],
        tablefmt="github",
        disable_numparse=True,
        colalign=["left", *["right"] * (len(varied) + 3)],
    )
    return f"{metric} over seeds: mean and sample standard deviation\n\n{table}"


def _text(experiment: Experiment, key: str) -> str:
    return json.dumps(experiment.parameters[key], ensure_ascii=False) if key in experiment.parameters else ""


def _order(text: str) -> tuple[bool, float, str]:
    """Return a key that sorts numbers by value, and before words."""
    try:
        return False, float(text), ""
    except ValueError:
        return True, 0.0, text
