"""Arrays of pixels, whatever they were read from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def as_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels (H, W) or (H, W, 3) as (H, W, 3)."""
    return np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels
