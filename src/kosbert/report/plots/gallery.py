"""All pictures of the report, in sections that each explain how to read theirs."""

from dataclasses import dataclass
from pathlib import Path

from kosbert.report.explanations import CALIBRATION
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.plots.curves import curves
from kosbert.report.plots.predictions import COSINE, calibration_curve, density
from kosbert.report.plots.scores import bars, extra_bars, sizes
from kosbert.report.results import Results


@dataclass(frozen=True)
class Section:
    """Pictures of one kind.

    Attributes:
        name: the id of the section on the page.
        title: the heading.
        how: how to read the pictures.
        pictures: the pictures.
        missing: a sentence about pictures that are missing; empty if none is.
    """

    name: str
    title: str
    how: str
    pictures: list[Picture]
    missing: str = ""


def draw(results: Results, curves_folder: Path) -> list[Section]:
    """Draw all pictures. A training without curves has no picture, and its section says so.

    Args:
        results: the results.
        curves_folder: the folder that has a folder of curves for each recipe.

    Raises:
        KosbertError: a file of curves is not readable.
    """
    params, rows = results.params, results.rows
    lowest = min(row.predictions[COSINE].min() for row in rows)
    labels = {name: params.report.rows.get(name, name) for name in params.recipes}
    with canvas.styled():
        trainings = {
            name: curves(name, label, curves_folder / name, average=params.recipes[name].average)
            for name, label in labels.items()
        }
        sections = [
            Section(
                "scores",
                "Ours and published" if params.chosen_dataset.comparable else "Our rows",
                "A longer bar is better; higher is better, and further left is a smaller model.",
                [bars(results), *(extra_bars(results, test) for test in results.extra), sizes(results)],
            ),
            Section(
                "density",
                "Gold score against cosine",
                "The narrower the band from bottom left to top right, the better: a pair far from it is an error. "
                "Each model keeps its cosines in a range of its own, which does not matter to a rank correlation.",
                [density(row) for row in rows],
            ),
            Section(
                "calibration",
                "What a cosine means",
                CALIBRATION.replace("`", "")
                + " The pictures show the test pairs in ten groups of similar cosine. The nearer the line is to the "
                "dashed one, the better the order; the nearer to the dotted one, the better the calibration fits them.",
                [calibration_curve(row, lowest=lowest) for row in rows],
            ),
        ]
    without = [labels[name] for name, drawn in trainings.items() if drawn is None]
    sections.append(
        Section(
            "training",
            "Trainings",
            "The state with the best score on dev (orange) is kept, unless weights are averaged. Where that score "
            "falls while the loss falls too, a training learns its own table by heart.",
            [drawn for drawn in trainings.values() if drawn],
            f"No curves for: {'; '.join(without)}." if without else "",
        )
    )
    return sections
