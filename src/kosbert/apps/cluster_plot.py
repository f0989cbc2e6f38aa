"""Groups of sentences as a picture: each sentence a point, near those of like meaning, in its group's colour."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kosbert.apps.clustering import Group, project_2d, rest
from kosbert.apps.shown import short
from kosbert.encoder.encode import Embeddings
from kosbert.errors import KosbertError
from kosbert.files import atomic_write

SUFFIXES = (".svg", ".png")
WIDTH, HEIGHT, LINE = 6.4, 4.6, 0.21  # inches; the last is a line of the legend
DPI = 200
POINTS = 5_000  # that one picture shows
LABELS = 20  # groups that the legend names
LETTERS = 40  # of a sentence in the legend

# Colours that the colour-blind tell apart (Okabe and Ito, 2008, Color Universal Design); each turn has another form.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6B6B6B")
FORMS = "os^Dv"
QUIET = "#C4C4C4"

# Fonts with Hangul that systems come with. An SVG names them all, and its reader has one.
HANGUL = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "NanumBarunGothic",
    "Noto Sans CJK JP",
    "UnDotum",
)

STYLE: Any = {  # matplotlib's own type for it lists every key there is
    "font.family": "sans-serif",
    "font.sans-serif": [*HANGUL, "DejaVu Sans"],
    "font.size": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a sentence may have a $
    "axes.edgecolor": "#B8B8B8",
    "svg.fonttype": "none",  # text stays text: the reader's fonts draw it
    "svg.hashsalt": "kosbert",  # else its ids are random
}


def check(path: Path) -> None:
    """Refuse what is no picture's name.

    Raises:
        KosbertError: the name ends neither in .svg nor in .png.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise KosbertError(f"{path}: a picture's name ends in {' or '.join(SUFFIXES)}")


def draw(groups: list[Group], embeddings: Embeddings, sentences: Sequence[str], path: Path, *, seed: int = 42) -> None:
    """Draw the groups into a file: numbered, with a legend of their central sentences.

    A PNG has the sentences only where the system has a font for Korean; else it has the numbers, as the table has them.
    Of more than `POINTS` sentences it shows so many, drawn at random, and the central ones.

    Raises:
        KosbertError: the file is neither .svg nor .png.
    """
    check(path)
    rows = _shown(groups, len(sentences), seed)
    places = dict(zip(rows, project_2d(embeddings[rows], seed=seed), strict=True))
    form = path.suffix.lower()[1:]
    installed = {font.name for font in font_manager.fontManager.ttflist}
    words = form == "svg" or not installed.isdisjoint(HANGUL)
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # where text is measured, not drawn
        lines = min(len(groups), LABELS) + 2
        figure = Figure(figsize=(WIDTH, HEIGHT + LINE * lines), layout="constrained")
        axes = figure.subplots()
        _points(axes, groups, sentences, places, words=words)
        title = f"{len(sentences):,} sentences, {len(groups):,} groups"
        if len(rows) < len(sentences):
            title += f" ({len(rows):,} sentences shown)"
        axes.set_title(title, loc="left")
        figure.legend(loc="outside lower left", handletextpad=0.3)
        with atomic_write(path) as draft:
            figure.savefig(draft, format=form, dpi=DPI, metadata=_plain(form))


def _plain(form: str) -> dict[str, None]:
    return {"Date": None, "Creator": None} if form == "svg" else {"Software": None}


def _shown(groups: list[Group], sentences: int, seed: int) -> list[int]:
    if sentences <= POINTS:
        return list(range(sentences))
    drawn = np.random.default_rng(seed).choice(sentences, POINTS, replace=False)
    return sorted({*drawn.tolist(), *(group.central for group in groups[:LABELS])})


def _points(
    axes: Axes,
    groups: list[Group],
    sentences: Sequence[str],
    places: dict[int, NDArray[np.float32]],
    *,
    words: bool,
) -> None:
    size = 30 if len(places) <= 500 else 8  # noqa: PLR2004 - points² that do not cover each other
    alone = rest(groups, len(sentences))
    if alone:
        _scatter(axes, alone, places, color=QUIET, s=size / 2, label=f"in no group ({len(alone):,})")
    for number, group in enumerate(groups, start=1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        form = FORMS[(number - 1) // len(COLOURS) % len(FORMS)]
        label = f"{number}  {short(sentences[group.central], LETTERS) if words else 'group'} ({len(group.rows):,})"
        named = number <= LABELS
        _scatter(axes, group.rows, places, color=colour, s=size, marker=form, label=label if named else None)
        if named:
            axes.annotate(
                str(number),
                tuple(places[group.central]),
                xytext=(4, 4),
                textcoords="offset points",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
            )
    if len(groups) > LABELS:
        axes.plot([], [], " ", label=f"… and {len(groups) - LABELS:,} smaller groups")
    axes.set(xticks=[], yticks=[])
    axes.margins(0.08)


def _scatter(axes: Axes, rows: list[int], places: dict[int, NDArray[np.float32]], **looks: Any) -> None:  # noqa: ANN401 - matplotlib's
    there = np.array([places[row] for row in rows if row in places]).reshape(-1, 2)
    axes.scatter(there[:, 0], there[:, 1], linewidths=0, **looks)
