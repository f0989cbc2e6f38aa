"""A plot of clusters: each sentence a point near those of similar meaning, in the colour of its cluster."""

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

from kosbert.apps.clustering import Cluster, project_2d, unclustered
from kosbert.errors import KosbertError, one_line
from kosbert.files import atomic_write
from kosbert.inference.encoder import Embeddings

SUFFIXES = (".svg", ".png")
WIDTH, HEIGHT, LINE_HEIGHT = 6.4, 4.6, 0.21  # inches; the last is the height of a line of the legend
DPI = 200
MAX_POINTS = 5_000
MAX_LABELS = 20  # clusters that the legend names
LABEL_LENGTH = 40  # characters of a sentence in the legend

# Colours that the colour-blind tell apart (Okabe and Ito, 2008, Color Universal Design). Each round has its own marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6B6B6B")
MARKERS = "os^Dv"
UNCLUSTERED_COLOUR = "#C4C4C4"

# Fonts with Hangul that systems come with. An SVG names them all, and its reader has one.
HANGUL_FONTS = (
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
    "font.sans-serif": [*HANGUL_FONTS, "DejaVu Sans"],
    "font.size": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a sentence may have a $
    "axes.edgecolor": "#B8B8B8",
    "svg.fonttype": "none",  # text stays text: the reader's fonts draw it
    "svg.hashsalt": "kosbert",  # without it, ids are random
}
NO_METADATA: dict[str, Any] = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}


def check(path: Path) -> None:
    """Check the name of a picture, before anything is computed for it.

    Raises:
        KosbertError: the name ends neither in .svg nor in .png.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise KosbertError(f"{path}: expected a file name that ends in {' or '.join(SUFFIXES)}")


def draw(
    clusters: list[Cluster], embeddings: Embeddings, sentences: Sequence[str], path: Path, *, seed: int = 42
) -> None:
    """Draw clusters into a file: numbered, with a legend of their central sentences.

    A PNG shows the sentences only where the system has a font for Korean; else it shows only the numbers, which are
    those of the table. Of more than `MAX_POINTS` sentences it shows a random sample, and the central ones.

    Args:
        clusters: the clusters, in the order in which they are numbered from 1.
        embeddings: the embeddings [sentences, dimensions].
        sentences: the sentences.
        path: the file to write.
        seed: the seed of the projection and of the sample.

    Raises:
        KosbertError: the file's name ends neither in .svg nor in .png.
    """
    check(path)
    suffix = path.suffix.lower()
    rows = _sample(clusters, len(sentences), seed)
    coordinates = dict(zip(rows, project_2d(embeddings[rows], seed=seed), strict=True))
    installed = {font.name for font in font_manager.fontManager.ttflist}
    with_text = suffix == ".svg" or not installed.isdisjoint(HANGUL_FONTS)
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # raised where text is measured, not drawn
        legend_lines = min(len(clusters), MAX_LABELS) + 2
        figure = Figure(figsize=(WIDTH, HEIGHT + LINE_HEIGHT * legend_lines), layout="constrained")
        axes = figure.subplots()
        _draw_points(axes, clusters, sentences, coordinates, with_text=with_text)
        title = f"{len(sentences):,} sentences, {len(clusters):,} groups"
        if len(rows) < len(sentences):
            title += f" ({len(rows):,} sentences shown)"
        axes.set_title(title, loc="left")
        figure.legend(loc="outside lower left", handletextpad=0.3)
        with atomic_write(path) as tmp:
            figure.savefig(tmp, format=suffix[1:], dpi=DPI, metadata=NO_METADATA[suffix])


def _sample(clusters: list[Cluster], sentences: int, seed: int) -> list[int]:
    if sentences <= MAX_POINTS:
        return list(range(sentences))
    drawn = np.random.default_rng(seed).choice(sentences, MAX_POINTS, replace=False)
    return sorted({*drawn.tolist(), *(cluster.central for cluster in clusters[:MAX_LABELS])})


def _draw_points(
    axes: Axes,
    clusters: list[Cluster],
    sentences: Sequence[str],
    coordinates: dict[int, NDArray[np.float32]],
    *,
    with_text: bool,
) -> None:
    size = 30 if len(coordinates) <= 500 else 8  # noqa: PLR2004 - in points², so that dots do not cover each other
    outliers = unclustered(clusters, len(sentences))
    if outliers:
        text = f"in no group ({len(outliers):,})"
        _scatter(axes, outliers, coordinates, color=UNCLUSTERED_COLOUR, s=size / 2, label=text)
    for number, cluster in enumerate(clusters, start=1):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        marker = MARKERS[(number - 1) // len(COLOURS) % len(MARKERS)]
        text = one_line(sentences[cluster.central], LABEL_LENGTH) if with_text else "group"
        label = f"{number}  {text} ({len(cluster.rows):,})" if number <= MAX_LABELS else None
        _scatter(axes, cluster.rows, coordinates, color=colour, s=size, marker=marker, label=label)
        if label:
            axes.annotate(
                str(number),
                tuple(coordinates[cluster.central]),
                xytext=(4, 4),
                textcoords="offset points",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": colour, "alpha": 0.85},
            )
    if len(clusters) > MAX_LABELS:
        axes.plot([], [], " ", label=f"… and {len(clusters) - MAX_LABELS:,} smaller groups")
    axes.set(xticks=[], yticks=[])
    axes.margins(0.08)


def _scatter(axes: Axes, rows: list[int], coordinates: dict[int, NDArray[np.float32]], **style: Any) -> None:  # noqa: ANN401 - matplotlib's
    points = np.array([coordinates[row] for row in rows if row in coordinates]).reshape(-1, 2)
    axes.scatter(points[:, 0], points[:, 1], linewidths=0, **style)
