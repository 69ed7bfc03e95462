"""A photo of a garment as Fashion-MNIST shows garments: bright on black, trimmed.

After the making of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747, section 2):
trim edges that are close to the colour of the border (within 5 % of the range), shrink, negate.
Their photos stand on clean white; ours do not always, so the border's own level becomes black
and what lies closer to it than a shadow is trimmed too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Left, top, right, bottom, in continuous pixels.
Box = tuple[float, float, float, float]

#: Distance from the border's level that counts as background, of 255: the paper's 5 %.
TOLERANCE = 0.05 * 255

#: Share of a row or column that must differ from the background before it is kept: a few
#: specks of dust or noise are no garment.
SPECKS = 0.01


def isolate_garment(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Box]:
    """Turn a gray picture (H, W) into one of a bright garment on black.

    Returns:
        The picture (H, W), its border's level brought to 0, and the box of the garment in it;
        the whole picture where nothing stands out from the border.
    """
    level = _border_level(gray)
    values = gray.astype(np.float64)
    if level >= 128:  # a bright border: the garment is darker, so light and dark change places
        values, level = 255.0 - values, 255.0 - level
    bright = np.clip((values - level) / (255.0 - level), 0.0, 1.0) * 255.0
    return np.rint(bright).astype(np.uint8), _box(np.abs(values - level) > TOLERANCE)


def _border_level(gray: NDArray[np.uint8]) -> float:
    """Median of the outermost rows and columns."""
    edges = (gray[0], gray[-1], gray[:, 0], gray[:, -1])
    return float(np.median(np.concatenate(edges)))


def _box(garment: NDArray[np.bool_]) -> Box:
    height, width = garment.shape
    columns = np.flatnonzero(garment.mean(axis=0) > SPECKS)
    rows = np.flatnonzero(garment.mean(axis=1) > SPECKS)
    if columns.size == 0 or rows.size == 0:
        return 0.0, 0.0, float(width), float(height)
    return float(columns[0]), float(rows[0]), float(columns[-1]) + 1.0, float(rows[-1]) + 1.0
