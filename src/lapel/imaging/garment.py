"""A photo of a garment as Fashion-MNIST shows garments: gray, bright on black, trimmed.

After the making of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747, section 2):
edges close to the background's colour are trimmed (within 5 % of the range), the picture is
shrunk, negated and made gray. Their photos stand on clean white; ours need not, so the border's
own level becomes black and the contrast is stretched to the full range, as theirs is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Left, top, right, bottom, in continuous pixels.
Edges = tuple[float, float, float, float]

#: Distance from the background that counts as something else, of 255: the paper's 5 %.
TOLERANCE = 0.05 * 255

#: On a background with shadows and folds, what differs by less than this share of what the
#: garment does is background still. Chosen by eye on some sixty photos.
SHADE = 0.35

#: Share of a row or column that must be garment before it is kept: specks are none.
SPECKS = 0.03

#: A background this bright is the studio white that Fashion-MNIST's negation is made for.
WHITE = 200


#: Pictures are shrunk to this longer side first: enough to find a garment that ends up a few
#: dozen pixels high, and it bounds time and memory for large photos.
LONGER_SIDE = 320


def isolate_garment(photo: Image.Image) -> tuple[Image.Image, Edges]:
    """Turn a photo into a small gray picture of a bright garment on black.

    Returns:
        The picture, its longer side at most ``LONGER_SIDE``, and the box of the garment in it;
        the whole picture where nothing stands out from the border.
    """
    small = _shrink(photo.convert("RGB"))
    gray = np.asarray(small.convert("L"), np.float64)
    level = float(np.median(_border(gray)))
    lighter = gray - level
    bright = np.clip(-lighter if _is_darker(lighter, level) else lighter, 0.0, None)
    full = max(float(np.percentile(bright, 99.0)), TOLERANCE)
    stretched = np.rint(np.minimum(bright / full, 1.0) * 255.0).astype(np.uint8)
    return Image.fromarray(stretched), _box_of(_distance(np.asarray(small)))


def _shrink(photo: Image.Image) -> Image.Image:
    ratio = LONGER_SIDE / max(photo.size)
    if ratio >= 1:
        return photo
    size = max(1, round(photo.width * ratio)), max(1, round(photo.height * ratio))
    return photo.resize(size, Image.Resampling.BOX)


def _border(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outermost rows and columns of (H, W, ...), in a row."""
    return np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))


def _is_darker(lighter: NDArray[np.float64], level: float) -> bool:
    """Whether the garment, which fills the middle, is darker than the background."""
    height, width = lighter.shape
    middle = lighter[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return level >= WHITE or float(middle.mean()) < 0


def _distance(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far each pixel (H, W) is from the border's colour: the largest of its channels."""
    values = rgb.astype(np.float64)
    return np.asarray(np.abs(values - np.median(_border(values), axis=0)).max(axis=2))


def _box_of(distance: NDArray[np.float64]) -> Edges:
    height, width = distance.shape
    garment = distance > max(TOLERANCE, SHADE * float(np.percentile(distance, 95.0)))
    columns = np.flatnonzero(garment.mean(axis=0) > SPECKS)
    rows = np.flatnonzero(garment.mean(axis=1) > SPECKS)
    if columns.size == 0 or rows.size == 0:
        return 0.0, 0.0, float(width), float(height)
    return float(columns[0]), float(rows[0]), float(columns[-1]) + 1.0, float(rows[-1]) + 1.0
