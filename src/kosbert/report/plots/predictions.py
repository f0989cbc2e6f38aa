"""Pictures of a row's predictions: gold score against cosine, and how far a cosine can be read as a score."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from kosbert.evaluation.scores import GOLD
from kosbert.report.language import Say
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture
from kosbert.report.results import Row

COSINE = "cosine"
BINS = 10
_CELLS = 30  # hexagons along the width


def density(row: Row, say: Say) -> Picture:
    """Draw gold score against cosine, as hexagons coloured by the number of pairs in them."""
    figure, ax = canvas.axes(height=3.6, title=f"Gold score against cosine: {canvas.plain(row.label, row.name)}")
    cells = ax.hexbin(
        row.predictions[COSINE],
        row.predictions[GOLD],
        gridsize=(_CELLS, _CELLS // 2),
        mincnt=1,
        norm=LogNorm(vmin=1),
        cmap=canvas.DENSITY,
        linewidths=0.2,
    )
    counts: Any = cells.get_array()  # hexbin sets it; its type says that it may be None
    most = int(counts.max())
    cells.set_norm(LogNorm(vmin=1, vmax=max(most, 2)))
    bar = figure.colorbar(cells, ax=ax, label="pairs in a hexagon", ticks=_round_counts(most), format="%d")
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    ax.set(xlabel="cosine of the two embeddings", ylabel="gold score (0 to 5)")
    return canvas.picture(
        figure,
        f"density_{row.name}",
        caption=say("{label}: cosine Spearman {score:.2f}.", label=row.label, score=row.score),
        alt=say(
            "Density of gold score against cosine for {label}: {pairs:,} pairs, cosine Spearman {score:.2f}.",
            label=row.label,
            pairs=len(row.predictions),
            score=row.score,
        ),
    )


def _round_counts(most: int) -> list[int]:
    return [count for count in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if count <= max(most, 2)]


def calibration(predictions: pd.DataFrame, bins: int = BINS) -> pd.DataFrame:
    """Return the gold scores of pairs with similar cosines.

    Args:
        predictions: the predictions, as `scores.read_predictions` returns them.
        bins: the number of groups that the pairs are put in, by cosine; sizes differ by one pair at most.

    Returns:
        A row for each group, from the lowest cosine to the highest: mean `cosine`, mean gold score (`mean`), its
        quartiles `low` and `high`, and the mean that the group would have if cosine ordered all pairs as gold does
        (`perfect`).
    """
    ordered = predictions.sort_values(COSINE, kind="stable")
    groups = [part for part in np.array_split(np.arange(len(ordered)), bins) if len(part)]
    cosine, gold = ordered[COSINE].to_numpy(), ordered[GOLD].to_numpy()
    best = np.sort(gold)
    rows = [
        (cosine[part].mean(), gold[part].mean(), *np.quantile(gold[part], [0.25, 0.75]), best[part].mean())
        for part in groups
    ]
    return pd.DataFrame(rows, columns=["cosine", "mean", "low", "high", "perfect"])


def calibration_curve(row: Row, *, lowest: float, say: Say) -> Picture:
    """Draw the mean gold score by groups of cosine, and what the encoder's calibration makes of a cosine.

    Args:
        row: the row.
        lowest: the cosine at which the axis begins, the same for all rows, so that they can be compared.
        say: the language of what is said of the picture.
    """
    groups = calibration(row.predictions)
    figure, ax = canvas.axes(height=3.9, title=f"Mean gold score by cosine: {canvas.plain(row.label, row.name)}")
    if known := row.calibration:
        ax.plot(known.cosine, known.score, color=canvas.OTHERS, linestyle=":", label="calibration, from dev")
    if known and known.match is not None:
        ax.axvline(known.match, color=canvas.OTHERS, linewidth=0.8, label="match, from dev")
    ax.fill_between(groups["cosine"], groups["low"], groups["high"], color=canvas.OURS, alpha=0.18, linewidth=0)
    ax.plot(groups["cosine"], groups["perfect"], "--", color=canvas.BEST, label="if the order were perfect")
    ax.plot(
        groups["cosine"],
        groups["mean"],
        "o-",
        color=canvas.OURS,
        markersize=4,
        label="mean; band: middle half of pairs",
    )
    ax.set(
        xlabel="mean cosine of a tenth of the pairs", ylabel="gold score (0 to 5)", ylim=(-0.1, 5.1), xlim=(lowest, 1)
    )
    ax.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside lower center", ncols=2)
    match = say("; match from {cosine:.2f}", cosine=known.match) if known and known.match is not None else ""
    return canvas.picture(
        figure,
        f"calibration_{row.name}",
        caption=say(
            "{label}: mean cosines from {low:.2f} to {high:.2f}",
            label=row.label,
            low=groups["cosine"].iloc[0],
            high=groups["cosine"].iloc[-1],
        )
        + f"{match}.",
        alt=say("Mean gold score by group of cosine for {label}: ", label=row.label)
        + ", ".join(f"{group.mean:.1f} ({group.cosine:.2f})" for group in groups.itertuples()),
    )
