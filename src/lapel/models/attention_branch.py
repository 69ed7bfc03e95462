"""From features and heat maps of landmarks to an attention of the features' own shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.schema.errors import RecipeError

#: Channels of the small U-Net at full, half and quarter size.
FULL, HALF, QUARTER = 32, 64, 128

#: A map of fewer places a side cannot be halved twice.
LEAST_SIDE = 4

#: Slope of the rectifier below zero, on the way down.
SLOPE = 0.2


class AttentionBranch(nn.Module):
    """Features F and heat maps H to an attention A, one number a place *and* channel.

    - Equation 2: M = max over l of H_l, brought to F's size: where any landmark may be.
    - Equation 3: A = tanh(U([M, F])), with a U-Net U that halves the map twice.

    A lies between -1 and 1, so that 1 + A may take out a place or a channel of F, leave it, or
    double it. As A has a value for each place it is a spatial attention, and as it has one for
    each channel it is a channel attention too.

    Args:
        width: channels of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(width + 1, FULL, 1, bias=False)
        self.to_half = _halving(FULL, HALF)
        self.to_quarter = _halving(HALF, QUARTER)
        self.across = nn.Sequential(
            nn.Conv2d(QUARTER, QUARTER, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(QUARTER, QUARTER, 1),
            nn.BatchNorm2d(QUARTER),
        )
        self.from_quarter = _doubling(2 * QUARTER, HALF)
        self.from_half = _doubling(2 * HALF, FULL)
        self.leave = nn.Conv2d(2 * FULL, width, 1)

    def forward(self, heatmaps: Tensor, features: Tensor) -> Tensor:
        """Maps (N, landmarks, H, W) and features (N, width, h, w) to A (N, width, h, w).

        Raises:
            RecipeError: features of fewer than 4 places a side, which cannot be halved twice.
        """
        _check_size(features)
        merged = heatmaps.amax(1, keepdim=True)
        merged = functional.interpolate(
            merged, tuple(features.shape[2:]), mode="bilinear", align_corners=False
        )
        full = self.enter(torch.cat([merged.to(features.dtype), features], 1))
        half = self.to_half(functional.leaky_relu(full, SLOPE))
        quarter = self.to_quarter(functional.leaky_relu(half, SLOPE))
        lowest = self.across(functional.leaky_relu(quarter, SLOPE))
        risen = self.from_quarter(_beside(quarter, lowest))
        risen = self.from_half(_beside(half, risen))
        return torch.tanh(self.leave(_beside(full, risen)))


def _check_size(features: Tensor) -> None:
    height, width = (int(side) for side in features.shape[2:])
    if min(height, width) < LEAST_SIDE:
        raise RecipeError(
            f"the map that attention acts on is {height}x{width}, too small to be halved twice; "
            "take larger pictures (preprocess.height, preprocess.width) or a finer map "
            "(model.attended_stride)"
        )


def _halving(entered: int, width: int) -> nn.Sequential:
    layer = nn.Conv2d(entered, width, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width))


def _doubling(entered: int, width: int) -> nn.Sequential:
    layer = nn.ConvTranspose2d(entered, width, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(width))


def _beside(left: Tensor, risen: Tensor) -> Tensor:
    """What went straight across and what came from below, rectified, one behind the other."""
    if risen.shape[2:] != left.shape[2:]:  # a side that was odd lost a step when it was halved
        risen = functional.interpolate(risen, tuple(left.shape[2:]), mode="nearest")
    return functional.relu(torch.cat([left, risen], 1))
