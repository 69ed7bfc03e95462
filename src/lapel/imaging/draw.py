"""Answers drawn over the picture: landmarks, boxes, and maps of where a network looked."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.imaging.lettering import nearest_font
from lapel.imaging.preprocess import Frame
from lapel.schema.geometry import Box

Colour = tuple[int, int, int]

PAPER, INK, SOFT = (255, 255, 255), (35, 32, 28), (111, 106, 98)

#: Where an answer is wrong.
WRONG = (214, 64, 24)

#: Of drawings as JPEG files.
QUALITY = 90

#: Lines are drawn so many times larger, then shrunk: Pillow's have hard edges.
FINER = 2

#: Longest side of a drawing, in pixels: small pictures are enlarged, large ones shrunk.
SMALLEST, LARGEST = 400, 1200

#: Colours of a map from 0 to 1 (blue, red, yellow, white), and how much it covers at 1.
_HEAT = (
    (0.0, (20, 30, 130)),
    (0.4, (190, 40, 100)),
    (0.75, (250, 190, 40)),
    (1.0, (255, 255, 235)),
)
_COVER = 0.85

_TEXT, _LINE, _GAP = 13, 20, 10

#: Larger drawings are seen shrunk on a screen, so what is written grows with them.
_SEEN_SIDE = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point to draw, in pixels of the upright original.

    Attributes:
        x: along a row.
        y: down a column.
        colour: of the point.
        visible: drawn full; a hidden one is drawn hollow.
        truth: where it truly is; a square there is joined to the point by a line.
    """

    x: float
    y: float
    colour: Colour
    visible: bool = True
    truth: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text below a drawing.

    Attributes:
        text: what it says.
        colour: of the point before it; None: there is none.
        visible: whether that point is drawn full.
    """

    text: str
    colour: Colour | None = None
    visible: bool = True


def colours(count: int) -> tuple[Colour, ...]:
    """So many colours, as different as can be, bright enough on photos."""
    found = []
    for place in range(count):
        # Neighbours in the list, which often lie side by side, differ in brightness too.
        value = 1.0 if place % 2 == 0 else 0.78
        red, green, blue = colorsys.hsv_to_rgb(place / max(count, 1), 0.85, value)
        found.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(found)


def draw_marks(
    pixels: NDArray[np.uint8],
    marks: Sequence[Mark],
    *,
    box: Box | None = None,
    side: int | None = None,
) -> Image.Image:
    """A picture with points on it.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        marks: the points; those outside are drawn as far as they reach in.
        box: of the garment, drawn as a frame.
        side: longest side of the drawing, in pixels; by default near the picture's own.
    """
    size = drawing_size(pixels, side)
    picture = Image.fromarray(pixels).resize((size[0] * FINER, size[1] * FINER))
    pen = _Pen(picture, pixels.shape[1], pixels.shape[0])
    if box is not None:
        pen.frame(box)
    for mark in marks:
        if mark.truth is not None:
            pen.error(mark.truth, (mark.x, mark.y), mark.colour)
    for mark in marks:
        pen.dot((mark.x, mark.y), mark.colour, full=mark.visible)
    return picture.reduce(FINER)


def drawing_size(pixels: NDArray[np.uint8], side: int | None = None) -> tuple[int, int]:
    """Width and height of a drawing of a picture."""
    height, width = pixels.shape[:2]
    longest = max(width, height)
    wanted = side or min(max(longest, SMALLEST), LARGEST)
    return max(1, round(width * wanted / longest)), max(1, round(height * wanted / longest))


class _Pen:
    """Draws on a picture in the pixels of its original."""

    def __init__(self, picture: Image.Image, width: int, height: int) -> None:
        self._draw = ImageDraw.Draw(picture)
        self._scale = picture.width / width, picture.height / height
        self._radius = max(3.0, min(9.0, max(picture.size) / FINER / 70)) * FINER

    def dot(self, place: tuple[float, float], colour: Colour, *, full: bool) -> None:
        """A point; hollow where it is hidden. Its rim is seen on dark and on bright."""
        x, y = self._at(place)
        rim = self._radius + FINER
        if full:
            self._ring(x, y, rim + FINER, INK, FINER)
            self._draw.ellipse(_around(x, y, rim), fill=PAPER)
            self._draw.ellipse(_around(x, y, self._radius), fill=colour)
        else:
            width = max(FINER, round(self._radius * 0.6))
            self._ring(x, y, rim + FINER, PAPER, width + 2 * FINER)
            self._ring(x, y, rim, colour, width)

    def error(self, truth: tuple[float, float], found: tuple[float, float], colour: Colour) -> None:
        """A line from where a point truly is to where it was found, with a square at its start."""
        ends = [self._at(truth), self._at(found)]
        self._draw.line(ends, fill=PAPER, width=4 * FINER)
        self._draw.line(ends, fill=colour, width=2 * FINER)
        x, y = ends[0]
        self._draw.rectangle(_around(x, y, self._radius * 0.9 + FINER), fill=INK)
        self._draw.rectangle(_around(x, y, self._radius * 0.9), fill=colour)

    def frame(self, box: Box) -> None:
        """The box of a garment."""
        left, top = self._at((box.left, box.top))
        right, bottom = self._at((box.right, box.bottom))
        self._draw.rectangle((left, top, right, bottom), outline=INK, width=2 * FINER)
        self._draw.rectangle((left, top, right, bottom), outline=PAPER, width=FINER)

    def _ring(self, x: float, y: float, radius: float, colour: Colour, width: int) -> None:
        self._draw.ellipse(_around(x, y, radius), outline=colour, width=width)

    def _at(self, place: tuple[float, float]) -> tuple[float, float]:
        return place[0] * self._scale[0], place[1] * self._scale[1]


def _around(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius


def strongest(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps (C, h, w), each brought to 0 to 1, as one (h, w): at each place the strongest."""
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    spread = np.where(high > low, high - low, 1.0)
    return np.asarray(((maps - low) / spread).max(axis=0), np.float32)


def draw_heat(
    pixels: NDArray[np.uint8], heat: NDArray[np.float32], frame: Frame, *, side: int | None = None
) -> Image.Image:
    """A map over a picture, which is gray below it.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        heat: 0 to 1, (h, w) over the whole canvas of the network.
        frame: how that canvas showed the picture.
        side: longest side of the drawing, in pixels.
    """
    size = drawing_size(pixels, side)
    height, width = pixels.shape[:2]
    value = heat_over(heat, frame, photo=(width, height), size=size)
    gray = Image.fromarray(pixels).convert("L").resize(size).convert("RGB")
    stops = [stop for stop, _ in _HEAT]
    colour = np.stack(
        [np.interp(value, stops, [colour[channel] for _, colour in _HEAT]) for channel in range(3)],
        axis=-1,
    )
    cover = _COVER * value[..., None]
    mixed = np.asarray(gray, np.float64) * (1 - cover) + colour * cover
    return Image.fromarray(mixed.round().astype(np.uint8))


def heat_over(
    heat: NDArray[np.float32], frame: Frame, *, photo: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float64]:
    """A map as it lies over a photo.

    Args:
        heat: 0 to 1, (h, w) over the whole canvas of the network.
        frame: how that canvas showed the photo.
        photo: width and height of the upright photo, in pixels.
        size: width and height of what is returned; it spans the photo exactly.

    Returns:
        0 to 1, (height, width).
    """
    place, rows, columns = frame.placement, *heat.shape
    # From a pixel of what is returned over the photo and the canvas to the map.
    across = photo[0] / size[0] * place.scale_x * columns / frame.width
    down = photo[1] / size[1] * place.scale_y * rows / frame.height
    left, top = place.offset_x * columns / frame.width, place.offset_y * rows / frame.height
    layer = Image.fromarray(np.asarray(heat, np.float32)).transform(
        size,
        Image.Transform.AFFINE,
        (across, 0.0, left, 0.0, down, top),
        Image.Resampling.BILINEAR,
    )
    return np.clip(np.asarray(layer, np.float64), 0.0, 1.0)


def sheet(panels: Sequence[tuple[str, Image.Image]], lines: Sequence[Line] = ()) -> Image.Image:
    """Drawings of one size side by side, each below its title, and lines of text below all.

    Lines after a point stand together, as do those without one.
    """
    scale = text_scale(max(max(panel.size) for _, panel in panels))
    text, row, gap = scale * _TEXT, scale * _LINE, scale * _GAP
    titles = row if any(title for title, _ in panels) else 0
    wide = sum(panel.width for _, panel in panels) + _GAP * (len(panels) - 1)
    lengths = [nearest_font(line.text, text).getlength(line.text) for line in lines]
    column = math.ceil(max(lengths, default=0)) + 3 * gap
    columns = max(1, wide // column)
    blocks = [list(block) for _, block in groupby(lines, key=lambda line: line.colour is None)]
    rows = sum(math.ceil(len(block) / columns) for block in blocks)
    high = titles + max(panel.height for _, panel in panels)
    below = rows * row + gap if rows else 0
    canvas = Image.new("RGB", (max(wide, column if lines else 0), high + below), PAPER)
    pen = ImageDraw.Draw(canvas)
    left = 0
    for title, panel in panels:
        pen.text((left + 2, 2), title, fill=SOFT, font=nearest_font(title, text))
        canvas.paste(panel, (left, titles))
        left += panel.width + _GAP
    top = high + gap // 2
    for block in blocks:
        rows = math.ceil(len(block) / columns)
        for place, line in enumerate(block):
            corner = place // rows * column, top + place % rows * row
            _write(canvas, line, corner, scale)
        top += rows * row
    return canvas


def text_scale(side: int) -> int:
    """How many times larger text is in a drawing of this longer side than in a small one."""
    return max(1, round(side / _SEEN_SIDE))


def _write(canvas: Image.Image, line: Line, corner: tuple[int, int], scale: int) -> None:
    """A line of text, after its point."""
    pen, (left, top) = ImageDraw.Draw(canvas), corner
    if line.colour is not None:
        spot = _around(left + scale * _GAP, top + scale * _LINE / 2, 5 * scale)
        inside = line.colour if line.visible else None
        pen.ellipse(spot, fill=inside, outline=line.colour, width=2 * scale)
    place = left + scale * (2 * _GAP if line.colour is not None else 4), top + 2 * scale
    pen.text(place, line.text, fill=INK, font=nearest_font(line.text, scale * _TEXT))
