"""The loss of landmarks: of maps or of places, and of whether a landmark can be seen.

Both parts are means over what is known, each by its own weight; their sum is the loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.heads.base import LandmarkMaps
from lapel.models.heads.heatmaps import drawn, mass, mean_places

#: Places are compared in tenths of the canvas, so that the first losses are near 1 as those of
#: labels are; below a hundredth of the canvas the loss is a square.
UNIT, ROUND_BELOW = 0.1, 0.01


class LandmarksLoss(nn.Module):
    """Maps are compared where maps are read by their peaks, else places; and visibility."""

    def forward(self, raw: Tensor | LandmarkMaps, target: Tensor, weight: Tensor) -> Tensor:
        """What a head says, targets (N, L, 5) and weights (N, L, 2) to a scalar.

        Args:
            raw: maps, or outputs (N, L, 3).
            target: x, y, width and height of the box, as shares of the canvas, and visibility.
            weight: of the place, and of the visibility.
        """
        known = weight[..., 0]
        # Whatever stands where no place is known: it must not reach the gradient.
        truth = torch.where(known[..., None] > 0, target[..., :2], 0.0)
        if isinstance(raw, LandmarkMaps):
            compare = place_losses if raw.by_mean else map_losses
            given = mean_places(raw.heatmaps) if raw.by_mean else raw.heatmaps
            losses, visible = compare(given, truth), raw.visible
        else:
            losses, visible = place_losses(raw[..., :2], truth), raw[..., 2]
        sight = functional.binary_cross_entropy_with_logits(
            visible.float(), target[..., 4], reduction="none"
        )
        return _mean(losses, known) + _mean(sight, weight[..., 1])


def map_losses(heatmaps: Tensor, places: Tensor) -> Tensor:
    """The squared distance of maps to Gaussians drawn at the truth, as a share of the latter.

    A map of nothing has loss 1. Xiao et al. 2018 (arXiv 1804.06208, section 3) take the mean
    over pixels, which is the same but for its scale.

    Args:
        heatmaps: (N, L, h, w).
        places: shares of the canvas, float32 (N, L, 2).

    Returns:
        float32 (N, L).
    """
    height, width = heatmaps.shape[2:]
    missed = heatmaps.float() - drawn(places, height, width)
    return missed.square().sum((2, 3)) / mass(height, width)


def place_losses(places: Tensor, truth: Tensor) -> Tensor:
    """Distances along both axes, rounded off near 0 (smooth L1: Girshick 2015, arXiv 1504.08083,
    equation 3), of places (N, L, 2) in shares of the canvas; float32 (N, L).
    """
    return functional.smooth_l1_loss(
        places.float() / UNIT, truth / UNIT, reduction="none", beta=ROUND_BELOW / UNIT
    ).sum(2)


def _mean(losses: Tensor, weight: Tensor) -> Tensor:
    return (losses * weight).sum() / weight.sum().clamp(min=1)
