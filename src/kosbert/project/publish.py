"""The folder of a trained model that is ready for a model hub: the model, and a card with its eight figures.

A copy, since what a stage has made may not be changed after it.
"""

import shutil
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard
from tabulate import tabulate

from kosbert import dvc
from kosbert.encoder.card import CITATIONS
from kosbert.encoder.model import CARD, read_card
from kosbert.errors import KosbertError
from kosbert.metrics import METRICS
from kosbert.report.table import read_metrics
from kosbert.files import atomic_write
from kosbert.params import Params

DATASET, SPLIT = "KorSTS", "test"  # what the figures of a `comparable` dataset are of
TASK = "Semantic Similarity"  # as the cards of sentence-transformers call it


def publish(params: Params, row: str, out: Path) -> None:
    """Write the publishable folder of a row of the table of the project here, whole or not at all.

    Args:
        params: those of the project.
        row: which model.
        out: the folder to write; it may not exist yet.

    Raises:
        KosbertError: there is no such row, its licence forbids it, its figures mean nothing, model or figures are not
            what `dvc repro` makes, or `out` exists.
    """
    check_allowed(params, row)
    check_up_to_date(row)
    name = f"kosbert-{params.base_model}-{row}"
    assemble(Path("models", row), read_metrics(Path("metrics", f"{row}.json")), out, name=name)


def check_allowed(params: Params, row: str) -> None:
    """Check that there is such a row of the table, and that its model may be published and has figures.

    Raises:
        KosbertError: not so; the message says which.
    """
    base = params.chosen_base
    if row not in params.report.rows:
        raise KosbertError(f"{row!r} is no row of the table; choose one of: {', '.join(params.report.rows)}")
    if not base.redistributable:
        raise KosbertError(f"base model {params.base_model!r} ({base.title}): {base.terms}")
    if not params.chosen_dataset.comparable:
        title = params.chosen_dataset.title
        raise KosbertError(f"dataset {params.dataset!r} ({title}): there are no figures on {DATASET} to publish")


def assemble(model: Path, figures: dict[str, float], out: Path, *, name: str) -> None:
    """Write a copy of a model whose card has the eight figures.

    Args:
        model: a folder with a card.
        figures: by their names in `FIGURES`, x 100.
        out: the folder to write; it may not exist yet.
        name: of the model, in the card.

    Raises:
        KosbertError: there is no model with a card, or `out` exists.
    """
    if out.exists():
        raise KosbertError(f"{out}: exists already; give another folder, or remove it")
    card = with_figures(read_card(model), figures, name=name)
    with atomic_write(out) as draft:
        # Not the modes of the files: DVC may have made those of its cache read-only.
        shutil.copytree(model, draft, copy_function=shutil.copyfile)
        (draft / CARD).write_text(card, encoding="utf-8", newline="\n")


def with_figures(card: str, figures: dict[str, float], *, name: str) -> str:
    """Return a card with the eight figures in its `model-index` and in its text.

    Args:
        card: that of the model.
        figures: by their names in `FIGURES`, x 100.
        name: of the model, in the index.
    """
    parsed = ModelCard(card)
    parsed.data["model_name"] = name
    parsed.data["eval_results"] = [
        EvalResult(
            task_name=TASK,
            task_type=TASK.lower().replace(" ", "-"),
            dataset_name=DATASET,
            dataset_type=DATASET.lower(),
            dataset_split=SPLIT,
            metric_name=f"{correlation} {similarity}".title(),
            metric_type=f"{correlation}_{similarity}",
            metric_value=round(figures[figure] / 100, 4),  # 0 to 1, as the cards of sentence-transformers have it
        )
        for figure in METRICS
        for similarity, correlation in [figure.split("_")]
    ]
    rows = [[figure.replace("_", " "), figures[figure]] for figure in METRICS]
    table = tabulate(rows, headers=["correlation × 100", f"{DATASET} {SPLIT}"], tablefmt="github", floatfmt=".2f")
    before, heading, after = parsed.text.partition(f"## {CITATIONS}\n")
    parsed.text = f"{before}## Figures\n\n{table}\n\n{heading}{after}"
    return str(parsed)


def check_up_to_date(row: str) -> None:
    """Check that the model and the metrics of a row are what `dvc repro` would make, by the hashes in `dvc.lock`.

    Raises:
        KosbertError: they are not, or there is no such project here.
    """
    changed = dvc.ask("status", "--json", "--with-deps", f"evaluate@{row}")
    if changed:
        raise KosbertError(f"not up to date: {', '.join(sorted(changed))}; run `dvc repro evaluate@{row}` first")
