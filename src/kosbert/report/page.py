"""The report as one HTML page that needs nothing else: no network, no script, no file beside it."""

from base64 import b64encode
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from kosbert.report.slices import FEWEST, slices, worst
from kosbert.report.details import SHARE
from kosbert.metrics import METRICS, MAIN
from kosbert.report.published import PUBLISHED, PUBLISHED_BY_SIZE
from kosbert.report.significance import Difference
from kosbert.report.table import COLUMNS
from kosbert.params import Params
from kosbert.report.plots.gallery import Group
from kosbert.report.rows import Row, best

WORST = 20  # pairs that are shown


def page(
    params: Params, rows: list[Row], test: pd.DataFrame, groups: list[Group], differences: list[Difference]
) -> str:
    """Return the report.

    It quotes sentences of the test set, so it falls under that one's licence.

    Args:
        params: the parameters.
        rows: as `results.gather` gives them.
        test: the test set, as `breakdown.read_test` gives it.
        groups: the pictures, as `pictures.draw` gives them.
        differences: of the rows.

    Raises:
        KosbertError: the predictions are not of the pairs of `test`.
    """
    environment = Environment(
        loader=PackageLoader("kosbert.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "data_uri": _data_uri, "span": _span, "verdict": _verdict}
    chosen = best(rows)
    comparable = params.chosen_dataset.comparable
    return environment.get_template("page.html.jinja").render(
        params=params,
        dataset=params.chosen_dataset,
        base=params.chosen_base,
        rows=rows,
        main=MAIN,
        columns=dict(zip(METRICS, COLUMNS, strict=True)),
        published={key: dict(zip(METRICS, each, strict=True)) for key, each in PUBLISHED.items()} if comparable else {},
        by_size=PUBLISHED_BY_SIZE if comparable else (),
        share=SHARE,
        labels={row.name: row.label for row in rows},
        differences=differences,
        groups=groups,
        parts=_parts(rows, test),
        fewest=FEWEST,
        best=chosen,
        worst=list(worst(test, chosen.predictions, count=WORST).itertuples()),
        pairs=len(test),
    )


def _verdict(each: Difference) -> str:
    if not each.distinguishable:
        return "not distinguishable"
    return "better" if each.comparison.difference > 0 else "worse"


def _parts(rows: list[Row], test: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return cosine Spearman of each row on parts of the test set, by the way it is parted."""
    found = [slices(test, row.predictions) for row in rows]
    parts: dict[str, list[dict[str, Any]]] = {}
    for part, *scores in zip(found[0].itertuples(), *(frame[MAIN] for frame in found), strict=True):
        parts.setdefault(part.by, []).append({"name": part.name, "pairs": part.pairs, "scores": scores})
    return parts


def _number(value: float, form: str = ".2f") -> str:
    """Write a number with a proper minus sign; n/a for one that is none."""
    return "n/a" if np.isnan(value) else format(value, form).replace("-", "−")


def _span(each: Any, form: str = ".1f") -> str:  # noqa: ANN401 - an Interval or a Comparison
    """Write an interval."""
    return f"{_number(each.low, form)} to {_number(each.high, form)}"


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
