"""How every picture looks, and its way into a file: the same bytes from the same data."""

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

# Colours that the colour-blind tell apart (Okabe and Ito, 2008, Color Universal Design), dark enough on white paper.
OURS, BEST, OTHERS, QUIET = "#0072B2", "#D55E00", "#6B6B6B", "#B8B8B8"
DENSITY = "viridis_r"  # more is darker, also in grey

STYLE: Any = {  # matplotlib's own type for it lists every key there is
    "font.family": "DejaVu Sans",  # comes with matplotlib, so text is as wide on every machine
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
    "svg.fonttype": "path",  # no font is looked for where the picture is read
    "svg.hashsalt": "kosbert",  # else its ids are random
}


@dataclass(frozen=True)
class Picture:
    """A picture: its file's name, how to read it, and what who does not see it is told."""

    name: str
    caption: str
    alt: str
    svg: bytes
    png: bytes


@contextmanager
def styled() -> Iterator[None]:
    """Let everything drawn in the block have our style, and nothing after it."""
    with mpl.rc_context(STYLE):
        yield


def plain(label: str, name: str) -> str:
    """Return a row's label as pictures show it: its name, where the label has letters that their font has not."""
    return label if label.isascii() else name


def titled(*, height: float, title: str) -> Figure:
    """Return a figure `WIDTH` inches wide and `height` high, with nothing in it but a title."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title, x=0.02, ha="left", fontsize=STYLE["axes.titlesize"], fontweight="bold")
    return figure


def axes(*, height: float, title: str) -> tuple[Figure, Axes]:
    """Return such a figure, and its one pair of axes."""
    figure = titled(height=height, title=title)
    return figure, figure.subplots()


def picture(figure: Figure, name: str, *, caption: str, alt: str) -> Picture:
    """Render a figure. Neither the date nor the version of the library is in it."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return Picture(name, caption, alt, svg.getvalue(), png.getvalue())


def write(pictures: list[Picture], *, svg: Path, png: Path) -> None:
    """Write pictures into two folders, each whole or not at all; what was in them before is gone."""
    for folder, suffix in ((svg, "svg"), (png, "png")):
        with atomic_write(folder) as draft:
            draft.mkdir()
            for each in pictures:
                (draft / f"{each.name}.{suffix}").write_bytes(getattr(each, suffix))
