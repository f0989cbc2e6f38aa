"""The report as one HTML page that needs nothing else: no network, no script, no other file."""

from base64 import b64encode
from functools import partial

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from kosbert.params import Params, Recipe
from kosbert.report import explanations
from kosbert.report.language import SAY, Say
from kosbert.report.plots.gallery import Gallery
from kosbert.report.published import published_by_size, published_rows
from kosbert.report.resampling import Comparison, Interval
from kosbert.report.results import Results
from kosbert.report.significance import RowComparison
from kosbert.report.slices import worst
from kosbert.report.summary import summary
from kosbert.report.table import COLUMNS

WORST = 20  # pairs that are shown


def page(results: Results, gallery: Gallery) -> str:
    """Return the page, in the language of the report.

    It quotes sentences of the test set, so it falls under the licence of the test set.

    Args:
        results: the results.
        gallery: the pictures, as `gallery.draw` returns them.

    Raises:
        KosbertError: predictions and test set are not of the same pairs.
    """
    environment = Environment(
        loader=PackageLoader("kosbert.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    params = results.params
    say = SAY[params.report.language]
    environment.filters |= {"number": _number, "data_uri": _data_uri}
    environment.filters |= {"span": partial(_span, say), "verdict": partial(_verdict, say)}
    return environment.get_template("page.html.jinja").render(
        results=results,
        gallery=gallery,
        summary=summary(results, say),
        params=params,
        say=say,
        slices=results.slices(say),
        columns=COLUMNS,
        published=published_rows(params.chosen_dataset),
        by_size=published_by_size(params.chosen_dataset),
        explanations=explanations,
        trainings=_trainings(params),
        worst=list(worst(results.test, results.best.predictions, count=WORST).itertuples()),
        pairs=len(results.test),
    )


def _trainings(params: Params) -> list[tuple[str, Recipe]]:
    """Return the different trainings of each recipe, named."""
    trainings: list[tuple[str, Recipe]] = []
    for name, recipe in params.recipes.items():
        runs = [run for run, _ in recipe.runs]
        different = [run for number, run in enumerate(runs) if run not in runs[:number]]
        names = [f"{name}, {number}" for number in range(1, len(different) + 1)] if len(different) > 1 else [name]
        trainings += zip(names, different, strict=True)
    return trainings


def _verdict(say: Say, each: RowComparison) -> str:
    if not each.distinguishable:
        return say("not significant")
    return say("better") if each.comparison.difference > 0 else say("worse")


def _number(value: float, form: str = ".2f") -> str:
    """Write a number with a proper minus sign; n/a for NaN."""
    return "n/a" if np.isnan(value) else format(value, form).replace("-", "−")


def _span(say: Say, each: Interval | Comparison, form: str = ".1f") -> str:
    """Write the bounds of an interval."""
    return say("{low} to {high}", low=_number(each.low, form), high=_number(each.high, form))


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
