"""All pictures of the report, in sections that each explain how to read theirs."""

from dataclasses import dataclass
from pathlib import Path

from kosbert.report import explanations
from kosbert.report.language import SAY
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.plots.curves import curves
from kosbert.report.plots.predictions import COSINE, calibration_curve, density
from kosbert.report.plots.scores import bars, extra_bars
from kosbert.report.plots.sizes import by_size
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


@dataclass(frozen=True)
class Gallery:
    """All pictures.

    Attributes:
        by_size: the picture that page and README begin with.
        sections: the other pictures.
    """

    by_size: Picture
    sections: list[Section]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in the order of the page."""
        return [self.by_size, *(picture for section in self.sections for picture in section.pictures)]


def draw(results: Results, curves_folder: Path) -> Gallery:
    """Draw all pictures. A training without curves has no picture, and its section says so.

    Text in the pictures is English; what is said about them is in the language of the report.

    Args:
        results: the results.
        curves_folder: the folder that has a folder of curves for each recipe.

    Raises:
        KosbertError: a file of curves is not readable.
    """
    params, rows, say = results.params, results.rows, SAY[results.params.report.language]
    lowest = min(row.predictions[COSINE].min() for row in rows)
    labels = {name: params.report.rows.get(name, name) for name in params.recipes}
    with canvas.styled():
        trainings = {
            name: curves(name, label, curves_folder / name, average=params.recipes[name].average, say=say)
            for name, label in labels.items()
        }
        without = [labels[name] for name, drawn in trainings.items() if drawn is None]
        return Gallery(
            by_size(results, say),
            [
                Section(
                    "scores",
                    say("Our rows beside published ones") if params.chosen_dataset.comparable else say("Our rows"),
                    say(
                        "The longer the bar, the better. Intervals of two rows may overlap although their difference "
                        "is significant, since the comparisons above are made on the same test pairs."
                    ),
                    [bars(results, say), *(extra_bars(results, test, say) for test in results.extra)],
                ),
                Section(
                    "density",
                    say("How far cosines follow the gold scores"),
                    say(
                        "The narrower the band from bottom left to top right, the better; pairs far from it are "
                        "errors. Each model has its own range of cosines, which does not affect a rank correlation."
                    ),
                    [density(row, say) for row in rows],
                ),
                Section(
                    "calibration",
                    say("What a cosine means"),
                    explanations.calibration(say).replace("`", "")
                    + " "
                    + say(
                        "The pictures show the test pairs in ten groups of similar cosine. The closer the line is to "
                        "the dashed one, the better the order; the closer to the dotted one, the better the "
                        "calibration fits the test pairs."
                    ),
                    [calibration_curve(row, lowest=lowest, say=say) for row in rows],
                ),
                Section(
                    "training",
                    say("How the trainings went"),
                    say(
                        "The state with the best dev score (orange) is kept, unless weights are averaged. Where the "
                        "dev score falls while the loss falls too, the model overfits its training data."
                    ),
                    [drawn for drawn in trainings.values() if drawn],
                    say("No curves for: {labels}.", labels="; ".join(without)) if without else "",
                ),
            ],
        )
