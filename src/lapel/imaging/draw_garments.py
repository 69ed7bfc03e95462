"""Garments drawn over a picture: pixels, boxes and points of each; and where two answers differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.imaging.draw import INK, PAPER, WRONG, Colour, drawing_size, text_scale
from lapel.imaging.lettering import nearest_font
from lapel.imaging.outlines import mask_from
from lapel.schema.geometry import Box
from lapel.schema.run_lengths import RunLengths

#: How much a garment's colour covers of the picture; its rim covers it wholly.
COVER = 0.4

#: Pixels of the truth alone; and how much these and those of the answer alone cover.
MISSED = (30, 110, 230)
DIFFERENT = 0.75

_TEXT, _POINT = 12, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A garment to draw, in pixels of the upright original.

    Attributes:
        colour: of all that belongs to it.
        box: where it is.
        mask: its pixels; None: the box alone is drawn.
        text: what is written at its upper left corner.
        points: x, y, and whether the point can be seen; hidden ones are drawn hollow.
    """

    colour: Colour
    box: Box
    mask: RunLengths | None = None
    text: str = ""
    points: tuple[tuple[float, float, bool], ...] = ()


def draw_garments(
    pixels: NDArray[np.uint8], shapes: Sequence[Shape], *, side: int | None = None
) -> Image.Image:
    """A picture with garments over it, the first on top.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        shapes: the garments.
        side: longest side of the drawing, in pixels; by default near the picture's own.
    """
    size = drawing_size(pixels, side)
    canvas = np.asarray(Image.fromarray(pixels).resize(size), np.float64)
    for shape in reversed(shapes):
        if shape.mask is not None:
            inside = _shrunk(shape.mask, size)
            cover = np.where(inside & ~_rim(inside), COVER, inside.astype(np.float64))[..., None]
            canvas = canvas * (1 - cover) + np.array(shape.colour) * cover
    drawing = Image.fromarray(canvas.round().astype(np.uint8))
    scale = size[0] / pixels.shape[1], size[1] / pixels.shape[0]
    pen = ImageDraw.Draw(drawing)
    for shape in reversed(shapes):
        _draw_box(pen, shape, scale)
        for x, y, seen in shape.points:
            _draw_point(pen, x * scale[0], y * scale[1], shape.colour, seen=seen)
    for shape in reversed(shapes):
        _write(pen, shape, scale, _TEXT * text_scale(max(size)))
    return drawing


def draw_disagreement(
    pixels: NDArray[np.uint8],
    truth: Iterable[RunLengths],
    answer: Iterable[RunLengths],
    *,
    side: int | None = None,
) -> Image.Image:
    """A gray picture; in colour what belongs to a garment and to no answer (blue), and the other
    way about (red).

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        truth: pixels of each garment that is there.
        answer: pixels of each that was found.
        side: longest side of the drawing, in pixels.
    """
    size = drawing_size(pixels, side)
    gray = Image.fromarray(pixels).convert("L").resize(size).convert("RGB")
    canvas = np.asarray(gray, np.float64)
    there, found = _union(truth, size), _union(answer, size)
    for place, colour in ((there & ~found, MISSED), (found & ~there, WRONG)):
        cover = (DIFFERENT * place)[..., None]
        canvas = canvas * (1 - cover) + np.array(colour) * cover
    return Image.fromarray(canvas.round().astype(np.uint8))


def beside(panels: Sequence[Image.Image], *, gap: int = 6) -> Image.Image:
    """Drawings of one height, side by side."""
    wide = sum(panel.width for panel in panels) + gap * (len(panels) - 1)
    canvas = Image.new("RGB", (wide, max(panel.height for panel in panels)), PAPER)
    left = 0
    for panel in panels:
        canvas.paste(panel, (left, 0))
        left += panel.width + gap
    return canvas


def _union(masks: Iterable[RunLengths], size: tuple[int, int]) -> NDArray[np.bool_]:
    every = np.zeros((size[1], size[0]), np.bool_)
    for mask in masks:
        every |= _shrunk(mask, size)
    return every


def _shrunk(mask: RunLengths, size: tuple[int, int]) -> NDArray[np.bool_]:
    whole = Image.fromarray(mask_from(mask).astype(np.uint8) * np.uint8(255))
    return np.asarray(whole.resize(size, Image.Resampling.NEAREST)) > 0


def _rim(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask at its edge, one wide; the picture's edge is none."""
    rim = np.zeros_like(inside)
    for axis in (0, 1):
        turn = np.diff(inside, axis=axis)
        before = [slice(None), slice(None)]
        after = [slice(None), slice(None)]
        before[axis], after[axis] = slice(0, -1), slice(1, None)
        rim[tuple(before)] |= turn
        rim[tuple(after)] |= turn
    return rim & inside


def _draw_box(pen: ImageDraw.ImageDraw, shape: Shape, scale: tuple[float, float]) -> None:
    edges = (
        shape.box.left * scale[0],
        shape.box.top * scale[1],
        max(shape.box.right * scale[0] - 1, shape.box.left * scale[0]),
        max(shape.box.bottom * scale[1] - 1, shape.box.top * scale[1]),
    )
    pen.rectangle(edges, outline=shape.colour, width=2 if shape.mask is None else 1)


def _draw_point(
    pen: ImageDraw.ImageDraw, x: float, y: float, colour: Colour, *, seen: bool
) -> None:
    spot = (x - _POINT, y - _POINT, x + _POINT, y + _POINT)
    pen.ellipse(spot, fill=colour if seen else None, outline=PAPER if seen else colour)


def _write(
    pen: ImageDraw.ImageDraw, shape: Shape, scale: tuple[float, float], letters: int
) -> None:
    """The text of a shape on a card of its colour, inside its box's upper left corner."""
    if not shape.text:
        return
    font = nearest_font(shape.text, letters)
    left, top = shape.box.left * scale[0], shape.box.top * scale[1]
    card = pen.textbbox((left + 3, top + 1), shape.text, font=font)
    pen.rectangle((left, top, card[2] + 3, card[3] + 2), fill=shape.colour)
    # Black or white, whichever is read on that colour (Rec. 601 luma).
    luma = 0.299 * shape.colour[0] + 0.587 * shape.colour[1] + 0.114 * shape.colour[2]
    pen.text((left + 3, top + 1), shape.text, fill=INK if luma > 128 else PAPER, font=font)
