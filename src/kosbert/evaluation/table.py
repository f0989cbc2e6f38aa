"""The performance table: our rows and the published ones, and the README's copy of it."""

import json
from itertools import product
from pathlib import Path

from tabulate import tabulate

from kosbert.errors import KosbertError
from kosbert.evaluation.figures import CORRELATIONS, FIGURES, SIMILARITIES
from kosbert.evaluation.published import PUBLISHED
from kosbert.params import Params

BEGIN, END = "<!-- performance: begin -->", "<!-- performance: end -->"
COLUMNS = [
    f"{similarity[:3]} {correlation[0].upper()}" for similarity, correlation in product(SIMILARITIES, CORRELATIONS)
]  # short names of FIGURES


def performance(params: Params, metrics: Path) -> str:
    """Return the performance table as Markdown, with the dataset and the base model above it.

    The published rows were measured on KorSTS, so they stand beside ours only where ours were too.

    Raises:
        KosbertError: a metrics file is missing, or does not hold exactly the eight figures.
    """
    rows = [
        [f"{params.base_model} (ours)", label, *read_figures(metrics / f"{name}.json").values()]
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
        colalign=("left", "left", *["right"] * len(FIGURES)),
    )
    return f"{caption(params)}\n{table}\n"


def caption(params: Params) -> str:
    """Return the lines that stand above a table of figures: the dataset, the base model, and what the figures are."""
    base = params.chosen_base
    return (
        f"Dataset `{params.dataset}`: {params.chosen_dataset.title}.\n"
        f"Base model `{params.base_model}`: {base.title}. Licence: {base.terms}.\n"
        "Test set; Pearson (P) and Spearman (S) correlation × 100 of the gold scores with the embeddings' cosine,\n"
        "negated Euclidean and Manhattan distance, and dot product.\n"
    )


def read_figures(path: Path) -> dict[str, float]:
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
    if not isinstance(figures, dict) or tuple(figures) != FIGURES:
        raise KosbertError(f"{path}: expected exactly the keys {', '.join(FIGURES)}; `dvc repro -f` makes it anew")
    if not all(type(figure) in (float, int) for figure in figures.values()):
        raise KosbertError(f"{path}: expected eight numbers; `dvc repro -f` makes it anew")
    return figures


def replace_between_markers(text: str, table: str) -> str:
    """Return a README's text with the table between its markers replaced.

    Raises:
        KosbertError: the markers are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise KosbertError(f"README.md: the markers {BEGIN} and {END} are not there; put them where the table belongs")
    return f"{before}{BEGIN}\n{table}{END}{after}"
