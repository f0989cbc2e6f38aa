"""The performance tables: our rows and the published ones; on extra test sets; by size; their copy in the READMEs."""

from operator import itemgetter
from pathlib import Path
from typing import Any

from tabulate import tabulate

from kosbert.errors import KosbertError
from kosbert.metrics import MAIN_METRIC, METRICS, Cost
from kosbert.params import Params
from kosbert.report import explanations
from kosbert.report.published import published_by_size, published_rows

BEGIN, END = "<!-- performance: begin -->", "<!-- performance: end -->"
MAIN_COLUMNS = tuple(name for name in METRICS if name.startswith("cosine"))  # of a short table
COLUMNS = {name: f"{name[:3]} {name.partition('_')[2][0].upper()}" for name in METRICS}  # short names


Extra = dict[str, dict[str, dict[str, float]]]  # the eight metrics of each row on each extra test set


def performance(
    params: Params, metrics: dict[str, dict[str, float]], costs: dict[str, Cost | None], extra: Extra
) -> str:
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


def caption(params: Params) -> str:
    """Return the lines above a table of metrics: the dataset, the base model, and what the metrics are."""
    base = params.chosen_base
    return (
        f"Dataset `{params.dataset}`: {params.chosen_dataset.title}.\n"
        f"Base model `{params.base_model}`: {base.title}. Licence: {base.terms}.\n"
        f"{explanations.wrap(f'Test set; {explanations.METRICS}')}"
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


def _by_size(params: Params, metrics: dict[str, dict[str, float]], costs: dict[str, Cost | None], extra: Extra) -> str:
    sets = params.chosen_dataset.sts.extra
    rows: list[tuple[Any, ...]] = []
    for name, label in params.report.rows.items():
        chain = [costs[step] for step in params.chain(name)]
        if chain and (own := chain[-1]):
            minutes = "" if None in chain else f"{sum(cost.minutes for cost in chain if cost):.1f}"
            encoder = f"{params.base_model}, `{name}` (ours)"
            others = [f"{extra[name][each][MAIN_METRIC]:.2f}" for each in sets]
            rows.append((encoder, own.parameters / 1e6, label, metrics[name][MAIN_METRIC], *others, minutes))
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
    hardware = sorted({cost.on for cost in costs.values() if cost})
    return f"By size. Minutes: all trainings from the base on, {' and '.join(hardware) or 'not known'}.\n\n{table}"


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
