"""Garments drawn like shop photos: bright background, a soft shadow, cloth that is not flat.

The demo has no camera. These stand in for pictures of a user's own, and show what happens to
a photo on its way to a network that has only ever seen 28 pixels, bright on black.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from lapel.storage.local import write_atomically

#: Corners in a square of 100 by 100, x to the right, y down.
Outline = Sequence[tuple[float, float]]

#: Drawn at twice the size and halved, for smooth edges.
OVERSAMPLING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """What one photo shows.

    Attributes:
        colour: of the cloth, RGB 0 to 255.
        parts: outlines filled with the cloth.
        seams: lines drawn darker on top, as (x, y) points.
        holes: outlines through which the background shows.
        size: width and height of the photo in pixels.
    """

    colour: tuple[int, int, int]
    parts: tuple[Outline, ...]
    seams: tuple[Outline, ...] = ()
    holes: tuple[Outline, ...] = ()
    size: tuple[int, int] = (600, 800)


GARMENTS = {
    "tee": Garment(
        colour=(46, 84, 140),
        parts=(
            (
                (38, 10), (44, 14), (56, 14), (62, 10), (74, 15), (95, 36), (82, 48), (73, 40),
                (74, 92), (26, 92), (27, 40), (18, 48), (5, 36), (26, 15),
            ),
        ),
        seams=(((27, 40), (26, 18)), ((73, 40), (74, 18)), ((27, 88), (73, 88))),
    ),
    "trousers": Garment(
        colour=(52, 52, 60),
        parts=(
            (
                (33, 4), (67, 4), (69, 28), (72, 97), (55, 97), (50, 34), (45, 97), (28, 97),
                (31, 28),
            ),
        ),
        seams=(((33, 9), (67, 9)), ((50, 9), (50, 34)), ((38, 14), (36, 96)), ((62, 14), (64, 96))),
        size=(500, 900),
    ),
    "dress": Garment(
        colour=(150, 40, 62),
        parts=(
            (
                (39, 4), (42, 4), (45, 14), (55, 14), (58, 4), (61, 4), (64, 20), (59, 38),
                (66, 62), (72, 97), (28, 97), (34, 62), (41, 38), (36, 20),
            ),
        ),
        seams=(((41, 38), (59, 38)), ((46, 40), (41, 96)), ((54, 40), (59, 96))),
    ),
    "handbag": Garment(
        colour=(120, 72, 38),
        parts=(
            ((20, 42), (80, 42), (88, 90), (12, 90)),
            ((30, 42), (34, 20), (44, 10), (56, 10), (66, 20), (70, 42)),
        ),
        holes=(((36, 42), (39, 24), (46, 16), (54, 16), (61, 24), (64, 42)),),
        seams=(((19, 54), (81, 54)), ((47, 54), (47, 62), (53, 62), (53, 54))),
        size=(700, 700),
    ),
    "sneaker": Garment(
        colour=(60, 110, 96),
        parts=(
            (
                (4, 62), (10, 55), (26, 50), (42, 40), (52, 32), (60, 36), (74, 38), (88, 30),
                (94, 40), (96, 70), (4, 70),
            ),
            ((3, 69), (97, 69), (97, 76), (92, 78), (6, 78), (3, 75)),
        ),
        seams=(
            ((3, 70), (97, 70)), ((34, 46), (40, 52)), ((40, 42), (46, 48)), ((46, 38), (52, 44)),
            ((56, 40), (60, 68)), ((88, 34), (86, 68)),
        ),
        size=(800, 600),
    ),
    "boot": Garment(
        colour=(70, 48, 36),
        parts=(
            (
                (48, 8), (86, 8), (85, 46), (92, 64), (93, 82), (72, 82), (70, 78), (50, 84),
                (6, 84), (5, 72), (16, 64), (38, 56), (47, 44),
            ),
            ((73, 80), (93, 80), (92, 94), (75, 94)),
        ),
        seams=(
            ((48, 14), (86, 14)), ((6, 79), (50, 79)), ((64, 14), (62, 60)), ((40, 56), (60, 66)),
        ),
        size=(700, 800),
    ),
}  # fmt: skip


def draw_photos(folder: Path) -> list[Path]:
    """Draw each garment into a folder as ``NAME.jpg``; the same bytes every time.

    Raises:
        StorageError: the folder cannot be written.
    """
    paths = []
    for seed, (name, garment) in enumerate(GARMENTS.items()):
        path = folder / f"{name}.jpg"
        write_atomically(path, _jpeg(_photo(garment, np.random.default_rng(seed))))
        paths.append(path)
    return paths


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _photo(garment: Garment, random: np.random.Generator) -> Image.Image:
    """One garment on a studio background, with its shadow."""
    width, height = (side * OVERSAMPLING for side in garment.size)
    silhouette = _silhouette(garment, width, height)
    background = _background(width, height)
    shadow = ImageChops.offset(silhouette, width // 60, height // 50)
    shadow = shadow.filter(ImageFilter.GaussianBlur(width / 45)).point(lambda value: value // 5)
    background.paste((96, 96, 100), mask=shadow)
    background.paste(_cloth(garment, width, height, random), mask=silhouette)
    return background.resize(garment.size, Image.Resampling.LANCZOS)


def _silhouette(garment: Garment, width: int, height: int) -> Image.Image:
    """Where the garment is: 255 inside, 0 outside."""
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for outlines, value in ((garment.parts, 255), (garment.holes, 0)):
        for outline in outlines:
            draw.polygon(_placed(outline, width, height), fill=value)
    return mask


def _background(width: int, height: int) -> Image.Image:
    """Paper lit from above: nearly white, a little darker below."""
    rows = np.linspace(250, 236, height).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(rows[:, None, None], (height, width, 3)).copy())


def _cloth(garment: Garment, width: int, height: int, random: np.random.Generator) -> Image.Image:
    """Cloth that fills the photo: its colour, folds as slow waves, a weave as noise, seams."""
    across = np.linspace(0, 1, width)[None, :]
    down = np.linspace(0, 1, height)[:, None]
    folds = 10 * np.sin(9 * across + 3 * down + random.uniform(0, 6)) + 8 * (0.5 - down)
    light = folds + random.normal(0, 5, (height, width))
    pixels = np.clip(np.array(garment.colour) + light[:, :, None], 0, 255).astype(np.uint8)
    cloth = Image.fromarray(pixels)
    draw = ImageDraw.Draw(cloth)
    darker = tuple(int(value * 0.6) for value in garment.colour)
    for seam in garment.seams:
        draw.line(_placed(seam, width, height), fill=darker, width=width // 150, joint="curve")
    return cloth


def _placed(outline: Outline, width: int, height: int) -> list[tuple[float, float]]:
    """Points of the 100 by 100 square in pixels: as large as fits with a margin, centred."""
    scale = 0.86 * min(width, height) / 100
    left, top = (width - 100 * scale) / 2, (height - 100 * scale) / 2
    return [(left + x * scale, top + y * scale) for x, y in outline]
