"""Make the folder of a trained model ready for a model hub: the model, its exports, and a card that tells of them.

It is a copy, as the output of a stage may not be changed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kosbert.encoder.layout import CARD
from kosbert.encoder.model import load, read_card
from kosbert.errors import KosbertError
from kosbert.files import atomic_write, copy_folder
from kosbert.metrics import read_dimensions, read_extra_metrics, read_metrics
from kosbert.params import Params
from kosbert.project import dvc, verify
from kosbert.project.published_card import (
    DATASET,
    UNNAMED,
    Evaluation,
    ExportedFile,
    Size,
    add_datasets,
    add_exports,
    add_metrics,
    add_size,
    name_model,
    on_extra_test,
    on_own_test,
)

MB = 1_000_000


class Wanted(NamedTuple):
    """What a published folder is to have.

    Attributes:
        repo_id: the model's name `owner/name` on a hub; its card says none if None.
        formats: the formats of the exports; see `inference.export`.
        precisions: the precisions of each of them.
    """

    repo_id: str | None = None
    formats: Sequence[str] = ()
    precisions: Sequence[str] = ("fp32",)


AS_IT_IS = Wanted()


def publish(params: Params, row: str, out: Path, wanted: Wanted = AS_IT_IS) -> None:
    """Write the publishable folder of a row of the table, complete or not at all.

    Args:
        params: the parameters of the project in the current folder.
        row: the row, which is the model's name.
        out: the folder to write; it must not exist yet.
        wanted: what the folder is to have.

    Raises:
        KosbertError: there is no such row, its licence forbids it, its metrics mean nothing, model or metrics are not
            what `dvc repro` makes or are damaged, `out` exists, or an export failed.
    """
    check_allowed(params, row)
    check_up_to_date(row)
    own, extra, dimensions = _measured(row)
    sets, seen = params.chosen_dataset.sts.extra, params.seen(row)
    titles = params.chosen_dataset.sts_titles
    write_folder(
        Path("models", row),
        [
            on_own_test(read_metrics(own)),
            *(
                on_extra_test(sets[name], metrics, seen=name in seen)
                for name, metrics in read_extra_metrics(extra).items()
            ),
        ],
        out,
        name=f"kosbert-{params.base_model}-{row}",
        cuts={titles[name]: scores for name, scores in read_dimensions(dimensions).items()},
        datasets=[
            *(params.chosen_dataset.hub if row in params.recipes else ()),
            *(hub for name in seen for hub in sets[name].hub),
        ],
        wanted=wanted,
    )


def check_allowed(params: Params, row: str) -> None:
    """Check that the table has such a row, and that its model may be published and has metrics.

    Raises:
        KosbertError: one of these is not so; the message says which.
    """
    base = params.chosen_base
    if row not in params.report.rows:
        raise KosbertError(f"{row!r} is not a row of the table; choose one of: {', '.join(params.report.rows)}")
    if not base.redistributable:
        raise KosbertError(f"base model {params.base_model!r} ({base.title}): {base.terms}")
    if not params.chosen_dataset.comparable:
        title = params.chosen_dataset.title
        raise KosbertError(f"dataset {params.dataset!r} ({title}): there are no metrics on {DATASET} to publish")


def write_folder(
    model: Path,
    evaluations: Sequence[Evaluation],
    out: Path,
    *,
    name: str,
    cuts: dict[str, dict[int, float]],
    datasets: Sequence[str] = (),
    wanted: Wanted = AS_IT_IS,
) -> None:
    """Write a copy of a model, with the exports wanted, whose card tells what there is to know of them.

    Args:
        model: the folder of a model with a card.
        evaluations: the metrics on each test set.
        out: the folder to write; it must not exist yet.
        name: the model's name in the card's index where it has none on a hub.
        cuts: the scores of shortened embeddings, by the title of the dev set and the numbers that are kept.
        datasets: the names on a hub of the datasets that the model was trained on.
        wanted: what the folder is to have.

    Raises:
        KosbertError: there is no model with a card, `out` exists, or an export failed.
    """
    if out.exists():
        raise KosbertError(f"{out}: already exists; remove it, or give another folder")
    card = add_datasets(read_card(model), datasets)
    if wanted.repo_id:
        card, name = name_model(card, wanted.repo_id), wanted.repo_id.rpartition("/")[2]
    shown = wanted.repo_id or UNNAMED
    with atomic_write(out) as tmp:
        copy_folder(model, tmp)
        exports = _export(model, tmp, wanted)
        card = add_size(card, _measure(tmp, cuts), model=shown)
        card = add_exports(card, exports, model=shown)
        (tmp / CARD).write_text(add_metrics(card, evaluations, name=name), encoding="utf-8", newline="\n")


def check_up_to_date(row: str) -> None:
    """Check that the model and the metrics of a row are what `dvc repro` would make, by the hashes in `dvc.lock`.

    Raises:
        KosbertError: they are not, a file is damaged, or there is no such project here.
    """
    changed = dvc.ask("status", "--json", "--with-deps", f"evaluate@{row}")
    if changed:
        raise KosbertError(f"not up to date: {', '.join(sorted(changed))}; run `dvc repro evaluate@{row}` first")
    verify.check(Path("models", row), *_measured(row))


def _measured(row: str) -> tuple[Path, Path, Path]:
    """Return the files of what is measured of a row: its metrics, those on extra test sets, and fewer dimensions."""
    metrics = Path("metrics")
    return metrics / f"{row}.json", metrics / "extra" / f"{row}.json", metrics / "dimensions" / f"{row}.json"


def _measure(folder: Path, cuts: dict[str, dict[int, float]]) -> Size:
    model = load(folder)
    return Size(
        parameters=sum(each.numel() for each in model.parameters()),
        megabytes=sum(file.stat().st_size for file in folder.glob("*.safetensors")) / MB,
        cuts=cuts,
    )


def _export(model: Path, folder: Path, wanted: Wanted) -> list[ExportedFile]:
    if not wanted.formats:
        return []
    from kosbert.inference.export import write_exports  # noqa: PLC0415 - imports what only exports need
    from kosbert.inference.manifest import read_manifest  # noqa: PLC0415

    cosines = write_exports(str(model), folder, formats=wanted.formats, precisions=wanted.precisions)
    manifest = read_manifest(folder)
    return [
        ExportedFile(
            name=one.graph,
            precision=one.precision,
            megabytes=one.megabytes(folder),
            cosine=cosines[one.graph],
        )
        for one in (manifest.exports if manifest else ())
    ]
