"""A picture in the making: its pixels, and for each pixel the part that is seen there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from lapel.data.sketch.curves import Point, Points

#: Outlines are drawn this much larger and reduced, for smooth edges.
OVERSAMPLING = 3

#: Wide shadows are drawn this much smaller.
_SMALLER = 4

#: Owner of a pixel where no garment is seen: nothing, who wears one, or something in front of it.
NOBODY, WEARER, OBSTACLE = 0, 254, 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How units of the body become pixels: a turn and stretch, then a shift.

    Attributes:
        matrix: (2, 2); pixels = matrix @ units + shift.
        shift: (2,) in pixels.
        scale: pixels a unit, about.
    """

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: float

    def pixels(self, points: Points | Sequence[Point]) -> Points:
        """Points (N, 2) in pixels; (0.5, 0.5) is the middle of the first pixel."""
        moved: Points = np.asarray(points, float) @ self.matrix.T + self.shift
        return moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What an outline covers of the canvas.

    Attributes:
        left: of the box, in pixels.
        top: of the box, in pixels.
        alpha: mode L, 255 where wholly covered.
    """

    left: int
    top: int
    alpha: Image.Image

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom."""
        width, height = self.alpha.size
        return self.left, self.top, self.left + width, self.top + height


def draw_cover(outlines: Sequence[Points], box: tuple[int, int, int, int]) -> Image.Image:
    """How far closed outlines in pixels cover each pixel of a box, mode L."""
    left, top, right, bottom = box
    size = ((right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING)
    large = Image.new("L", size, 0)
    draw = ImageDraw.Draw(large)
    for outline in outlines:
        corners = (outline - (left, top)) * OVERSAMPLING - 0.5
        draw.polygon(corners.ravel().tolist(), fill=255)
    return large.reduce(OVERSAMPLING)


def scaled(mask: Image.Image, share: float) -> Image.Image:
    """A mask, mode L, made fainter. (``Image.point`` would walk through its table in Python.)."""
    return ImageChops.multiply(mask, Image.new("L", mask.size, int(255 * share)))


class Canvas:
    """A square picture of which every pixel knows whose it is."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.size = image.width
        self.owners = Image.new("L", image.size, NOBODY)

    def cover(self, outline: Points, *, margin: int = 0) -> Cover | None:
        """What a closed outline in pixels covers; None where it lies outside the picture."""
        low = np.floor(outline.min(axis=0)).astype(int) - margin
        high = np.ceil(outline.max(axis=0)).astype(int) + margin
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), self.size), min(int(high[1]), self.size)
        if right - left < 2 or bottom - top < 2:
            return None
        alpha = draw_cover([outline], (left, top, right, bottom))
        return Cover(left=left, top=top, alpha=alpha)

    def cast_shadow(
        self, cover: Cover, soft: Image.Image, *, strength: float, dx: int, dy: int
    ) -> None:
        """Darken what lies below an outline, a little aside; ``soft`` is its blurred cover."""
        place = (cover.left + dx, cover.top + dy)
        self.image.paste((12, 10, 16), place, scaled(soft, strength))

    def cast_soft_shadow(
        self, outline: Points, *, blur: float, strength: float, dx: float, dy: float
    ) -> None:
        """Darken the picture by the wide, soft shadow of an outline; drawn small, and enlarged."""
        small = Image.new("L", (self.size // _SMALLER + 1,) * 2, 0)
        corners = (outline + np.array([dx, dy])) / _SMALLER - 0.5
        level = int(255 * strength)
        ImageDraw.Draw(small).polygon(corners.ravel().tolist(), fill=level)
        soft = small.filter(ImageFilter.BoxBlur(blur / _SMALLER))
        side = small.width * _SMALLER
        soft = soft.resize((side, side), Image.Resampling.BILINEAR)
        self.image.paste((12, 10, 16), mask=soft.crop((0, 0, self.size, self.size)))

    def put(self, cover: Cover, colours: Image.Image, owner: int, opacity: float = 1.0) -> None:
        """Lay colours on the picture where the outline covers it, and note whose they are."""
        alpha = cover.alpha if opacity >= 1.0 else scaled(cover.alpha, opacity)
        self.image.paste(colours, (cover.left, cover.top), alpha)
        # Half covered is covered: the mask is what the eye would say.
        inside = cover.alpha.convert("1", dither=Image.Dither.NONE)
        self.owners.paste(owner, cover.box, inside)
