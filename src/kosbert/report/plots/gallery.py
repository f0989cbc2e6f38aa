"""Every picture of the report, in groups that are read in the same way."""

from dataclasses import dataclass
from pathlib import Path

from kosbert.params import Params
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.plots.curves import curves
from kosbert.report.plots.predictions import COSINE, calibrated, density
from kosbert.report.rows import Row
from kosbert.report.plots.scores import bars, sizes


@dataclass(frozen=True)
class Group:
    """Pictures of one kind: the id of their section, its title, how to read them, and what is missing."""

    name: str
    title: str
    how: str
    pictures: list[Picture]
    missing: str = ""


def draw(params: Params, rows: list[Row], curves_folder: Path) -> list[Group]:
    """Draw all pictures. A training without curves has no picture, and its group says so.

    Args:
        params: the parameters.
        rows: as `results.gather` gives them.
        curves_folder: the folder of each recipe's curves.

    Raises:
        KosbertError: a file of curves is not readable.
    """
    comparable = params.chosen_dataset.comparable
    lowest = min(row.predictions[COSINE].min() for row in rows)
    labels = {name: params.report.rows.get(name, name) for name in params.recipes}
    with canvas.styled():
        trainings = {
            name: curves(name, label, curves_folder / name, average=params.recipes[name].average)
            for name, label in labels.items()
        }
        groups = [
            Group(
                "scores",
                "Ours and published" if comparable else "Our rows",
                "A longer bar is better; higher is better, and further left is a smaller model.",
                [bars(rows, params.base_model, comparable=comparable), sizes(rows, comparable=comparable)],
            ),
            Group(
                "density",
                "Gold score against cosine",
                "The narrower the band from bottom left to top right, the better: a pair far off it is an error. "
                "Each model keeps its cosines in a range of its own, which no rank correlation minds.",
                [density(row) for row in rows],
            ),
            Group(
                "calibration",
                "What a cosine means",
                "The pairs in ten groups of like cosine: the nearer the line to the dashed one, the better the order; "
                "where it is on the dotted one, five times the cosine can be read as the score.",
                [calibrated(row, lowest=lowest) for row in rows],
            ),
        ]
    without = [labels[name] for name, drawn in trainings.items() if drawn is None]
    groups.append(
        Group(
            "training",
            "Trainings",
            "The state with the best score on dev (orange) is kept, unless weights are averaged; where that score "
            "falls while the loss does too, a training learns its own table by heart.",
            [drawn for drawn in trainings.values() if drawn],
            f"No curves are there for: {'; '.join(without)}." if without else "",
        )
    )
    return groups
