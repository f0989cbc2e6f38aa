"""The performance tables: our rows and the published ones; the same by size; and the README's copy of them."""

import json
from itertools import product
from operator import itemgetter
from pathlib import Path

from tabulate import tabulate

from kosbert.metrics import read_cost
from kosbert.errors import KosbertError
from kosbert.metrics import CORRELATIONS, METRICS, MAIN, SIMILARITIES
from kosbert.report.published import PUBLISHED, PUBLISHED_BY_SIZE
from kosbert.params import Params

COSTS = "costs"  # the folder of what trainings cost, in that of the metrics
BEGIN, END = "<!-- performance: begin -->", "<!-- performance: end -->"
COLUMNS = [
    f"{similarity[:3]} {correlation[0].upper()}" for similarity, correlation in product(SIMILARITIES, CORRELATIONS)
]  # short names of METRICS


def performance(params: Params, metrics: Path) -> str:
    """Return the performance tables as Markdown: all figures, with the dataset and the base model above; and by size.

    The published rows were measured on KorSTS, so they stand beside ours only where ours were too.

    Args:
        params: names the rows.
        metrics: the folder of the metrics files, and of what the trainings cost.

    Raises:
        KosbertError: a metrics file is missing, or does not hold exactly the eight figures.
    """
    rows = [
        [f"{params.base_model} (ours)", label, *read_metrics(metrics / f"{name}.json").values()]
        for name, label in params.report.rows.items()
    ]
    if params.chosen_dataset.comparable:
        rows += [[*key, *figures] for key, figures in PUBLISHED.items()]
    table = tabulate(
        rows,
        headers=["Base model", "Trained on", *COLUMNS],
        tablefmt="github",
        floatfmt=".2f",
        disable_numparse=[0, 1],
        colalign=("left", "left", *["right"] * len(METRICS)),
    )
    return f"{caption(params)}\n{table}\n\n{_by_size(params, metrics)}\n"


def _by_size(params: Params, metrics: Path) -> str:
    costs = {name: read_cost(metrics / COSTS / f"{name}.json") for name in params.recipes}
    rows: list[tuple[str, float, str, float, str]] = []
    for name, label in params.report.rows.items():
        chain = [costs[step] for step in params.chain(name)]
        if chain and (own := chain[-1]):
            minutes = sum(cost.minutes for cost in chain if cost) if None not in chain else None
            score = read_metrics(metrics / f"{name}.json")[MAIN]
            millions = own.parameters / 1e6
            rows.append((f"{params.base_model}, `{name}` (ours)", millions, label, score, _shown(minutes)))
    on = sorted({cost.on for cost in costs.values() if cost})
    if params.chosen_dataset.comparable:
        rows += [(each.name, each.millions, each.trained_on, each.cosine_spearman, "") for each in PUBLISHED_BY_SIZE]
    rows.sort(key=itemgetter(3), reverse=True)
    table = tabulate(
        rows,
        headers=["Encoder", "Million parameters", "Trained on", COLUMNS[METRICS.index(MAIN)], "Minutes"],
        tablefmt="github",
        floatfmt=("", ".0f", "", ".2f", ""),
        colalign=("left", "right", "left", "right", "right"),
    )
    return f"By size. Minutes: all trainings from the base on, {' and '.join(on) or 'not known'}.\n\n{table}"


def _shown(minutes: float | None) -> str:
    return "" if minutes is None else f"{minutes:.1f}"


def caption(params: Params) -> str:
    """Return the lines that stand above a table of figures: the dataset, the base model, and what the figures are."""
    base = params.chosen_base
    return (
        f"Dataset `{params.dataset}`: {params.chosen_dataset.title}.\n"
        f"Base model `{params.base_model}`: {base.title}. Licence: {base.terms}.\n"
        "Test set; Pearson (P) and Spearman (S) correlation × 100 of the gold scores with the embeddings' cosine,\n"
        "negated Euclidean and Manhattan distance, and dot product.\n"
    )


def read_metrics(path: Path) -> dict[str, float]:
    """Read a metrics file: the eight `FIGURES`, x 100.

    Raises:
        KosbertError: it is missing, or does not hold exactly these.
    """
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; `dvc repro` makes it") from None
    except (ValueError, RecursionError) as error:
        raise KosbertError(f"{path}: not valid JSON: {error}; `dvc repro -f` makes it anew") from error
    if not isinstance(figures, dict) or tuple(figures) != METRICS:
        raise KosbertError(f"{path}: expected exactly the keys {', '.join(METRICS)}; `dvc repro -f` makes it anew")
    if not all(type(figure) in (float, int) for figure in figures.values()):
        raise KosbertError(f"{path}: expected eight numbers; `dvc repro -f` makes it anew")
    return figures


def replace_between_markers(readme: Path, table: str) -> str:
    """Return the text of a README with the table between its markers replaced.

    Raises:
        KosbertError: the markers are not there.
    """
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise KosbertError(f"{readme}: the markers {BEGIN} and {END} are not there; put them where the table belongs")
    return f"{before}{BEGIN}\n{table}{END}{after}"
