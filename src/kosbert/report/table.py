"""The performance tables: our rows and the published ones, on extra test sets, by size; and a short one for READMEs."""

from operator import itemgetter
from pathlib import Path
from typing import Any

from tabulate import tabulate

from kosbert.errors import KosbertError
from kosbert.metrics import MAIN_METRIC, METRICS, Cost
from kosbert.params import Params
from kosbert.report import explanations
from kosbert.report.published import landmarks, published_by_size, published_rows

BEGIN, END = "<!-- performance: begin -->", "<!-- performance: end -->"
MAIN_COLUMNS = tuple(name for name in METRICS if name.startswith("cosine"))  # those of a table of extra test sets
COLUMNS = {name: f"{name[:3]} {name.partition('_')[2][0].upper()}" for name in METRICS}  # short names

Costs = dict[str, Cost | None]  # the cost of each recipe's training, or None where it is not known
Extra = dict[str, dict[str, dict[str, float]]]  # the eight metrics of each row on each extra test set


def performance(params: Params, metrics: dict[str, dict[str, float]], costs: Costs, extra: Extra) -> str:
    """Return the performance tables as Markdown: all metrics, below a caption; on extra test sets; and by size.

    Published rows stand beside ours only where the test set is the same.

    Args:
        params: the parameters, which name the rows.
        metrics: the eight metrics of each row.
        costs: the cost of each recipe's training, or None where it is not known.
        extra: the eight metrics of each row on each extra test set.
    """
    rows = [
        [f"{params.base_model} (ours)", label, *metrics[name].values()] for name, label in params.report.rows.items()
    ]
    rows += [[*key, *values.values()] for key, values in published_rows(params.chosen_dataset).items()]
    table = tabulate(
        rows,
        headers=["Base model", "Trained on", *COLUMNS.values()],
        tablefmt="github",
        floatfmt=".2f",
        disable_numparse=[0, 1],
        colalign=("left", "left", *["right"] * len(METRICS)),
    )
    parts = [caption(params), table, *_on_extra_tests(params, extra), _by_size(params, metrics, costs, extra)]
    return "\n\n".join(parts) + "\n"


def short(params: Params, metrics: dict[str, dict[str, float]], costs: Costs, extra: Extra) -> str:
    """Return the short table of the READMEs as Markdown: the main metric on each test set, size, and minutes.

    Of the published results, it has the `landmarks`. The arguments are those of `performance`.
    """
    titles, sets = params.chosen_dataset.sts_titles, params.chosen_dataset.sts.extra
    size = next((f"{cost.parameters / 1e6:.0f}" for cost in costs.values() if cost), "")  # all rows have the base's
    best = max(params.report.rows, key=lambda name: metrics[name][MAIN_METRIC])
    rows = []
    for name, label in params.report.rows.items():
        seen = params.seen(name)
        others = [f"{extra[name][each][MAIN_METRIC]:.2f}{' *' * (each in seen)}" for each in sets]
        encoder = f"**`{name}` (ours)**" if name == best else f"`{name}` (ours)"
        rows.append([encoder, label, metrics[name][MAIN_METRIC], *others, size, _minutes(params, costs, name)])
    rows += [
        [each.name, each.trained_on, each.cosine_spearman, *[""] * len(sets), f"{each.millions:.0f}", ""]
        for each in landmarks(params.chosen_dataset)
    ]
    rows.sort(key=itemgetter(2), reverse=True)
    table = tabulate(
        rows,
        headers=["Encoder", "Trained on", *titles.values(), "Million parameters", "Minutes"],
        tablefmt="github",
        floatfmt=".2f",
        disable_numparse=[0, 1, *range(3, 5 + len(sets))],
        colalign=("left", "left", *["right"] * (3 + len(sets))),
    )
    base = params.chosen_base
    about = [
        f"Cosine Spearman × 100 on the test sets of {' and '.join(titles.values())}.",
        f"Dataset `{params.dataset}`: {params.chosen_dataset.title}. Base model of our rows `{params.base_model}`: "
        f"{base.title} (licence: {base.terms}). Minutes: training, from the base model to the row, {_hardware(costs)}.",
    ]
    if any(params.seen(name) for name in params.report.rows):
        about.append("\\* Trained on training pairs of this dataset as well.")
    if landmarks(params.chosen_dataset):
        about.append(
            "Published rows: the original's encoders, and those that no encoder of the same size or smaller beats."
        )
    return f"{explanations.wrap(' '.join(about))}\n\n{table}\n"


def caption(params: Params) -> str:
    """Return the lines above a table of metrics: the dataset, the base model, and what the metrics are."""
    base = params.chosen_base
    return (
        f"Dataset `{params.dataset}`: {params.chosen_dataset.title}.\n"
        f"Base model `{params.base_model}`: {base.title}. Licence: {base.terms}.\n"
        f"{explanations.wrap(explanations.metrics())}"
    )


def _on_extra_tests(params: Params, extra: Extra) -> list[str]:
    sets = params.chosen_dataset.sts.extra
    if not sets:
        return []
    head = ["Row", "Trained on"]
    for about in sets.values():
        head += [f"{about.title} {COLUMNS[name]}" for name in MAIN_COLUMNS] + [f"{about.title} seen"]
    rows = []
    for row, label in params.report.rows.items():
        cells = [f"`{row}`", label]
        for name in sets:
            cells += [f"{extra[row][name][metric]:.2f}" for metric in MAIN_COLUMNS]
            cells.append("yes" if name in params.seen(row) else "no")
        rows.append(cells)
    align = ["left", "left", *["right", "right", "left"] * len(sets)]
    table = tabulate(rows, headers=head, tablefmt="github", disable_numparse=True, colalign=align)
    return [explanations.wrap(" ".join(map(explanations.extra_test, sets.values()))), table]


def chain_minutes(params: Params, costs: Costs, row: str) -> float | None:
    """Return how long all trainings of a row took; None where one is not known, or there is none."""
    chain = [costs[recipe] for recipe in params.chain(row)]
    return sum(cost.minutes for cost in chain if cost) if chain and None not in chain else None


def _minutes(params: Params, costs: Costs, row: str) -> str:
    minutes = chain_minutes(params, costs, row)
    return "" if minutes is None else f"{minutes:.1f}"


def _hardware(costs: Costs) -> str:
    return " and ".join(sorted({cost.on for cost in costs.values() if cost})) or "not known"


def _by_size(params: Params, metrics: dict[str, dict[str, float]], costs: Costs, extra: Extra) -> str:
    sets = params.chosen_dataset.sts.extra
    rows: list[tuple[Any, ...]] = []
    for name, label in params.report.rows.items():
        if own := costs.get(name):
            encoder = f"{params.base_model}, `{name}` (ours)"
            others = [f"{extra[name][each][MAIN_METRIC]:.2f}" for each in sets]
            row = (encoder, own.parameters / 1e6, label, metrics[name][MAIN_METRIC], *others)
            rows.append((*row, _minutes(params, costs, name)))
    rows += [(*result[:4], *[""] * len(sets), "") for result in published_by_size(params.chosen_dataset)]
    rows.sort(key=itemgetter(3), reverse=True)
    others_head = [f"{about.title} {COLUMNS[MAIN_METRIC]}" for about in sets.values()]
    table = tabulate(
        rows,
        headers=["Encoder", "Million parameters", "Trained on", COLUMNS[MAIN_METRIC], *others_head, "Minutes"],
        tablefmt="github",
        floatfmt=("", ".0f", "", ".2f", *[".2f"] * len(sets), ""),
        colalign=("left", "right", "left", "right", *["right"] * len(sets), "right"),
    )
    return f"With sizes. Minutes: all trainings from the base model on, {_hardware(costs)}.\n\n{table}"


def replace_between_markers(readme: Path, table: str) -> str:
    """Return the text of a README with the table between its markers replaced.

    Raises:
        KosbertError: the README has no markers.
    """
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise KosbertError(f"{readme}: the markers {BEGIN} and {END} are missing; put them where the table belongs")
    return f"{before}{BEGIN}\n{table}{END}{after}"
