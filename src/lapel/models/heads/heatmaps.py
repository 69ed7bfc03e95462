"""Heatmaps: drawn from places, and read back as places finer than their own pixels.

Places are shares of the canvas, (x, y) from 0 to 1: the middle of column c of a map that is w
wide lies at (c + 0.5) / w. So a place is the same on maps of every size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Deviation of a drawn Gaussian as a share of the map's longer side, and in its pixels at least:
#: 2 pixels of 64 are those of Xiao et al. 2018 (arXiv 1804.06208, section 3).
SIGMA_SHARE = 1 / 32
LEAST_SIGMA = 1.0

#: Around its peak a map is read to so many deviations ...
REACH = 3.0
#: ... and what is lower than this share of the peak is taken for noise.
FLOOR = 0.25


def sigma_of(height: int, width: int) -> float:
    """The deviation of Gaussians on maps of a size, in their pixels."""
    return max(LEAST_SIGMA, SIGMA_SHARE * max(height, width))


def drawn(places: Tensor, height: int, width: int) -> Tensor:
    """A Gaussian of height 1 at each place (equation of Xiao et al. 2018, section 3).

    Args:
        places: shares of the canvas, float32 (N, L, 2).
        height: of the maps.
        width: likewise.

    Returns:
        float32 (N, L, height, width).
    """
    sigma = sigma_of(height, width)
    across = _bell(places[..., 0] * width, width, sigma)
    down = _bell(places[..., 1] * height, height, sigma)
    return down[..., :, None] * across[..., None, :]


def mass(height: int, width: int) -> float:
    """The sum of the squares of one drawn Gaussian that lies well inside its map."""
    return math.pi * sigma_of(height, width) ** 2


def peak_places(heatmaps: Tensor) -> Tensor:
    """Where each map is highest: the centre of gravity of what stands out around its peak.

    Args:
        heatmaps: (N, L, h, w), as :func:`drawn` draws them.

    Returns:
        float32 (N, L, 2), shares of the canvas.
    """
    maps = heatmaps.float()
    height, width = int(maps.shape[2]), int(maps.shape[3])
    peak, best = maps.amax((2, 3)), maps.flatten(2).argmax(2)
    row = torch.div(best, width, rounding_mode="floor")
    column = best - row * width
    reach = math.ceil(REACH * sigma_of(height, width))
    near_rows = (_numbers(height, maps) - row[..., None]).abs() <= reach
    near_columns = (_numbers(width, maps) - column[..., None]).abs() <= reach
    high = (maps - FLOOR * peak[..., None, None]).clamp(min=0)
    weights = high * near_rows[..., :, None] * near_columns[..., None, :]
    # A map that is nowhere above 0 has its place at its peak.
    trifle = 1e-30
    total = weights.sum((2, 3)) + trifle
    x = ((weights.sum(2) * _middles(width, maps)).sum(2) + trifle * (column + 0.5)) / total
    y = ((weights.sum(3) * _middles(height, maps)).sum(2) + trifle * (row + 0.5)) / total
    return torch.stack([x / width, y / height], 2)


def mean_places(heatmaps: Tensor) -> Tensor:
    """The mean place of each map, taken as logits of a distribution over its pixels.

    It has a gradient everywhere, so that places can be compared rather than maps ("integral
    regression", Sun et al. 2018, arXiv 1711.08229, equation 2).

    Args:
        heatmaps: (N, L, h, w).

    Returns:
        float32 (N, L, 2), shares of the canvas.
    """
    maps = heatmaps.float()
    height, width = int(maps.shape[2]), int(maps.shape[3])
    chance = as_chances(maps)
    x = (chance.sum(2) * _middles(width, maps)).sum(2) / width
    y = (chance.sum(3) * _middles(height, maps)).sum(2) / height
    return torch.stack([x, y], 2)


def as_chances(heatmaps: Tensor) -> Tensor:
    """Maps (N, L, h, w) of logits as maps that each sum to 1."""
    return heatmaps.float().flatten(2).softmax(2).view_as(heatmaps)


def _bell(middle: Tensor, size: int, sigma: float) -> Tensor:
    """(N, L) middles in pixels to (N, L, size), 1 at the middle."""
    away = _middles(size, middle) - middle[..., None]
    return torch.exp(-away.square() / (2 * sigma**2))


def _numbers(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device)


def _middles(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device, dtype=torch.float32) + 0.5
