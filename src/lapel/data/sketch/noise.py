"""Smooth noise that repeats without a seam: drawn once, looked up everywhere."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SIDE = 256


@cache
def field(smoothness: float) -> NDArray[np.float32]:
    """Noise (256, 256) of mean 0 and deviation 1; ``smoothness`` in pixels, 0 for none.

    White noise, multiplied in the frequencies by a Gaussian: what is left repeats at the edges.
    """
    white = np.random.default_rng(20).standard_normal((SIDE, SIDE))
    across = np.fft.rfftfreq(SIDE)[None, :]
    down = np.fft.fftfreq(SIDE)[:, None]
    keep = np.exp(-2 * (np.pi * smoothness) ** 2 * (across**2 + down**2))
    smooth = np.fft.irfft2(np.fft.rfft2(white) * keep, (SIDE, SIDE))
    smooth -= smooth.mean()
    noise: NDArray[np.float32] = (smooth / smooth.std()).astype(np.float32)
    return noise


def patch(smoothness: float, height: int, width: int, at: tuple[int, int]) -> NDArray[np.float32]:
    """A piece (height, width) of the field, repeated as far as needed, from a place in it."""
    top, left = at[0] % SIDE, at[1] % SIDE
    if height <= SIDE and width <= SIDE:
        return _twice(smoothness)[top : top + height, left : left + width]
    rows = (np.arange(height) + top) % SIDE
    columns = (np.arange(width) + left) % SIDE
    return field(smoothness)[rows[:, None], columns[None, :]]


@cache
def _twice(smoothness: float) -> NDArray[np.float32]:
    """The field twice in both directions, so that most pieces are views."""
    return np.tile(field(smoothness), (2, 2))
