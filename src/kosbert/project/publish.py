"""Make the folder of a trained model ready for a model hub: the model, and a card with its eight metrics.

It is a copy, as the output of a stage may not be changed.
"""

import shutil
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard
from tabulate import tabulate

from kosbert.encoder.card import CITATIONS
from kosbert.encoder.model import CARD, read_card
from kosbert.errors import KosbertError
from kosbert.files import atomic_write
from kosbert.metrics import METRICS, read_metrics
from kosbert.params import Params
from kosbert.project import dvc

DATASET, SPLIT = "KorSTS", "test"  # what the metrics of a `comparable` dataset are measured on
TASK = "Semantic Similarity"  # its name in the cards of sentence-transformers


def publish(params: Params, row: str, out: Path) -> None:
    """Write the publishable folder of a row of the table, complete or not at all.

    Args:
        params: the parameters of the project in the current folder.
        row: the row, which is the model's name.
        out: the folder to write; it must not exist yet.

    Raises:
        KosbertError: there is no such row, its licence forbids it, its metrics mean nothing, model or metrics are not
            what `dvc repro` makes, or `out` exists.
    """
    check_allowed(params, row)
    check_up_to_date(row)
    name = f"kosbert-{params.base_model}-{row}"
    write_folder(Path("models", row), read_metrics(Path("metrics", f"{row}.json")), out, name=name)


def check_allowed(params: Params, row: str) -> None:
    """Check that the table has such a row, and that its model may be published and has metrics.

    Raises:
        KosbertError: one of these is not so; the message says which.
    """
    base = params.chosen_base
    if row not in params.report.rows:
        raise KosbertError(f"{row!r} is no row of the table; choose one of: {', '.join(params.report.rows)}")
    if not base.redistributable:
        raise KosbertError(f"base model {params.base_model!r} ({base.title}): {base.terms}")
    if not params.chosen_dataset.comparable:
        title = params.chosen_dataset.title
        raise KosbertError(f"dataset {params.dataset!r} ({title}): there are no metrics on {DATASET} to publish")


def write_folder(model: Path, metrics: dict[str, float], out: Path, *, name: str) -> None:
    """Write a copy of a model whose card has the eight metrics.

    Args:
        model: the folder of a model with a card.
        metrics: the `METRICS` by name, x 100.
        out: the folder to write; it must not exist yet.
        name: the model's name in the card.

    Raises:
        KosbertError: there is no model with a card, or `out` exists.
    """
    if out.exists():
        raise KosbertError(f"{out}: exists already; give another folder, or remove it")
    card = add_metrics(read_card(model), metrics, name=name)
    with atomic_write(out) as tmp:
        # The modes of the files are not copied: DVC may have made the files of its cache read-only.
        shutil.copytree(model, tmp, copy_function=shutil.copyfile)
        (tmp / CARD).write_text(card, encoding="utf-8", newline="\n")


def add_metrics(card: str, metrics: dict[str, float], *, name: str) -> str:
    """Return a card with the eight metrics in its `model-index` and in its text.

    Args:
        card: the model's card.
        metrics: the `METRICS` by name, x 100.
        name: the model's name in the index.
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
            metric_value=round(metrics[metric] / 100, 4),  # from 0 to 1, as in the cards of sentence-transformers
        )
        for metric in METRICS
        for similarity, correlation in [metric.split("_")]
    ]
    rows = [[metric.replace("_", " "), metrics[metric]] for metric in METRICS]
    table = tabulate(rows, headers=["correlation × 100", f"{DATASET} {SPLIT}"], tablefmt="github", floatfmt=".2f")
    before, heading, after = parsed.text.partition(f"## {CITATIONS}\n")
    parsed.text = f"{before}## Metrics\n\n{table}\n\n{heading}{after}"
    return str(parsed)


def check_up_to_date(row: str) -> None:
    """Check that the model and the metrics of a row are what `dvc repro` would make, by the hashes in `dvc.lock`.

    Raises:
        KosbertError: they are not, or there is no such project here.
    """
    changed = dvc.ask("status", "--json", "--with-deps", f"evaluate@{row}")
    if changed:
        raise KosbertError(f"not up to date: {', '.join(sorted(changed))}; run `dvc repro evaluate@{row}` first")
