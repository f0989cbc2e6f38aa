"""The style of all pictures, and their files: the same data give the same bytes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kosbert.files import atomic_write

WIDTH = 4.4  # inches: on a phone the text is then still as large as a caption
PNG_DPI = 200

# Colour-blind people can tell these apart (Okabe and Ito, 2008, Color Universal Design), also on white paper.
OURS, BEST, OTHERS, QUIET = "#0072B2", "#D55E00", "#6B6B6B", "#B8B8B8"
DENSITY = "viridis_r"  # more is darker, also in grey

STYLE: Any = {  # matplotlib's own type for it lists every key there is
    "font.family": "DejaVu Sans",  # comes with matplotlib, so text has the same width on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a label of params.yaml may have a $
    "svg.fonttype": "path",  # readers need no font
    "svg.hashsalt": "kosbert",  # else its ids are random
}


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        name: the name of its file, without the suffix.
        caption: the caption.
        alt: the text for those who do not see it.
        svg: the picture as SVG.
        png: the picture as PNG.
    """

    name: str
    caption: str
    alt: str
    svg: bytes
    png: bytes


@contextmanager
def styled() -> Iterator[None]:
    """Give everything drawn in the block our style, and nothing after it."""
    with mpl.rc_context(STYLE):
        yield


def plain(label: str, name: str) -> str:
    """Return a row's label as pictures show it: its name, if their font may lack letters of the label."""
    return label if label.isascii() else name


def titled(*, height: float, title: str, width: float = WIDTH) -> Figure:
    """Return a figure with a title only; its size is in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.02, ha="left", fontsize=STYLE["axes.titlesize"], fontweight="bold")
    return figure


def axes(*, height: float, title: str, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Return a `titled` figure and its one pair of axes."""
    figure = titled(height=height, title=title, width=width)
    return figure, figure.subplots()


def picture(figure: Figure, name: str, *, caption: str, alt: str) -> Picture:
    """Render a figure, without the date and the version of the library."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Picture(name, caption, alt, svg.getvalue(), png.getvalue())


def write_pictures(pictures: list[Picture], *, svg: Path, png: Path) -> None:
    """Write pictures into two folders, each complete or not at all, instead of what was there before."""
    for folder, suffix in ((svg, "svg"), (png, "png")):
        with atomic_write(folder) as tmp:
            tmp.mkdir()
            for each in pictures:
                (tmp / f"{each.name}.{suffix}").write_bytes(getattr(each, suffix))
