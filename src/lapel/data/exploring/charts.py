"""Drawings of the page about a dataset, as SVG and PNG to stand in its text."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

#: Stand-ins for colours of the page, which change with light and dark.
INK = "#010203"
SPLIT_INKS = {"train": "#010204", "validation": "#010205", "test": "#010206"}
_PAGE_COLOURS = {INK: "currentColor"} | {
    ink: f"var(--{split})" for split, ink in SPLIT_INKS.items()
}

#: Sizes drawn in each split; more would make the page heavy and the chart no clearer.
DOTS = 1500

# matplotlib's own type for this is a literal of all its options.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lapel",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def histogram(title: str, values: Mapping[str, NDArray[np.float64]]) -> str:
    """The distribution of a number in each split, as shares, in one SVG."""
    everything = np.concatenate(list(values.values()))
    edges = np.linspace(everything.min(), max(everything.max(), everything.min() + 1), 31)

    def draw(axes: Axes) -> None:
        for split, found in values.items():
            shares = np.histogram(found, edges)[0] / len(found)
            axes.stairs(shares, edges, color=SPLIT_INKS[split], linewidth=1.6, label=split)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(title)

    return _svg(draw, width=3.4, height=1.9)


def sizes_chart(sizes: Mapping[str, NDArray[np.int32]]) -> str:
    """Width against height in each split, (N, 2), in one SVG; larger dots for sizes that more
    pictures share, the ``DOTS`` commonest.
    """

    def draw(axes: Axes) -> None:
        for split, found in sizes.items():
            different, counts = np.unique(found, axis=0, return_counts=True)
            commonest = np.argsort(-counts, kind="stable")[:DOTS]
            axes.scatter(
                different[commonest, 0],
                different[commonest, 1],
                s=8 + 160 * counts[commonest] / len(found),
                alpha=0.5,
                color=SPLIT_INKS[split],
                linewidths=0,
            )
        axes.set_xlabel("width, pixels")
        axes.set_ylabel("height, pixels")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)

    return _svg(draw, width=5.0, height=3.4)


def _svg(draw: Callable[[Axes], None], *, width: float, height: float) -> str:
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    for ink, colour in _PAGE_COLOURS.items():
        svg = svg.replace(ink, colour)
    return svg[svg.index("<svg") :]


def image_tag(pixels: NDArray[np.uint8], alt: str, *, scale: int = 1) -> str:
    """Pixels as a PNG within the page; ``scale`` enlarges small ones without blurring."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    height, width = pixels.shape[:2]
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
        f'width="{width * scale}" height="{height * scale}">'
    )


def mosaic(tiles: Sequence[NDArray[np.uint8]], *, columns: int) -> NDArray[np.uint8]:
    """Tiles (S, S, 4) side by side, row by row, with gaps of two pixels."""
    side = tiles[0].shape[0]
    rows = -(-len(tiles) // columns)
    canvas = np.zeros((rows * (side + 2), columns * (side + 2), 4), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * (side + 2), place % columns * (side + 2)
        canvas[top : top + side, left : left + side] = tile
    return canvas


def mean_picture(squares: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The mean of pictures (S, S, 3)."""
    mean: NDArray[np.uint8] = np.mean(squares, axis=0).round().astype(np.uint8)
    return mean


def difference_picture(
    one: NDArray[np.uint8], other: NDArray[np.uint8], *, strength: float = 4
) -> NDArray[np.uint8]:
    """Where the other is brighter (orange) and darker (blue) than the one, ``strength`` times."""
    change = (other.astype(np.float32) - one).mean(axis=2, keepdims=True) * strength / 255
    towards = np.where(change > 0, np.array([230, 110, 20]), np.array([30, 100, 220]))
    weight = np.clip(np.abs(change), 0, 1)
    picture: NDArray[np.uint8] = (128 * (1 - weight) + towards * weight).astype(np.uint8)
    return picture
