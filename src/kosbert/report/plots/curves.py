"""Pictures of trainings: dev score and loss by step, from the files that trainings leave for `dvc plots`."""

from pathlib import Path

import pandas as pd

from kosbert.errors import KosbertError, one_line
from kosbert.params import Average
from kosbert.report.language import Say
from kosbert.report.plots import canvas
from kosbert.report.plots.canvas import Picture

DEV = Path("plots/metrics/dev/cosine_spearman.tsv")
LOSS = Path("plots/metrics/train/loss.tsv")
MIN_SPAN = 1.0  # points that the axis of dev scores spans: hundredths are noise, and must not look like a rise


def read_curve(path: Path) -> pd.Series | None:
    """Read one curve: its values by step; None where there is no such file.

    Raises:
        KosbertError: the file does not have the columns `step` and that of its name, of numbers only.
    """
    try:
        table = pd.read_csv(path, sep="\t")
        return table.set_index("step")[path.stem].astype(float)
    except FileNotFoundError:
        return None
    except (KeyError, ValueError) as error:
        raise KosbertError(
            f"{path}: expected the columns step and {path.stem}, of numbers: {one_line(error)}; `dvc repro -f` "
            "recreates it"
        ) from error


def curves(recipe: str, title: str, folder: Path, *, average: Average | None, say: Say) -> Picture | None:
    """Draw the training of a recipe: dev score above, loss below, over the same steps.

    Args:
        recipe: the name of the recipe.
        title: the label of the recipe in tables.
        folder: the folder of its curves, as `training.progress.Curves` writes them.
        average: the weights that were averaged; None if the best state was kept.
        say: the language of what is said of the picture.

    Returns:
        The picture; None where there is no dev score.
    """
    dev, loss = read_curve(folder / DEV), read_curve(folder / LOSS)
    if dev is None or dev.empty:
        return None
    if loss is None:  # the training ended before the first point of the loss
        loss = pd.Series(dtype=float)
    figure = canvas.titled(height=3.9, title=f"Dev score and loss: {canvas.plain(title, recipe)}")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    best = dev.idxmax()
    above.plot(dev.index, dev, "o-", color=canvas.OURS, markersize=3.5)
    above.plot([best], [dev[best]], "o", color=canvas.BEST, markersize=7)
    mark = f"{'best state' if average else 'kept'}: step {best}, {dev[best]:.2f}"
    above.set_title(mark, loc="right", color=canvas.BEST, fontsize=8, weight="normal")
    middle, half = (dev.max() + dev.min()) / 2, 0.7 * (dev.max() - dev.min())
    above.set_ylim(middle - max(half, MIN_SPAN / 2), middle + max(half, MIN_SPAN / 2))
    above.set_ylabel("dev cosine\nSpearman × 100")
    below.plot(loss.index, loss, color=canvas.OTHERS, linewidth=1)
    below.set(xlabel="step", ylabel="training loss", xlim=(0, None))
    for ax in (above, below):
        ax.grid(axis="y")
    figure.align_ylabels()
    return canvas.picture(
        figure,
        f"training_{recipe}",
        caption=say(
            "{label}: dev score {score:.2f} at step {step} of {last}.",
            label=title,
            score=dev[best],
            step=best,
            last=dev.index[-1],
        )
        + _kept(average, say),
        alt=say(
            "Training of {label}: dev cosine Spearman from {first:.2f} at step {begin} to its best, {score:.2f}, at "
            "step {step}",
            label=title,
            first=dev.iloc[0],
            begin=dev.index[0],
            score=dev[best],
            step=best,
        )
        + (say("; loss from {first:.4f} to {last:.4f}.", first=loss.iloc[0], last=loss.iloc[-1]) if len(loss) else "."),
    )


def _kept(average: Average | None, say: Say) -> str:
    if not average:
        return ""
    if average.count == 1:
        return " " + say("An average of weights is kept.")
    return " " + say("This is the first of {count} runs; an average of their weights is kept.", count=average.count)
