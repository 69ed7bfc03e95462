"""From features half-way up to a heat map a landmark, and whether the landmark can be seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Channels of the branch before it magnifies: of its narrow layers and of its last.
NARROW, WIDE = 64, 128

#: Channels that the magnified maps keep at least.
LEAST = 16

#: Deviation of the weights that draw maps at first. From maps of nothing the truth is reached far
#: sooner than from noise: on drawn corners, after 100 steps, with an error of 0.004 for 0.066.
FIRST_DEVIATION = 1e-3

#: Added to every place, so that a map of nothing is looked at everywhere alike.
TRIFLE = 1e-12


class LandmarkBranch(nn.Module):
    """Features F to heat maps H: convolutions, and transposed ones that double the map each.

    Equation 1: H = B(F), a number a place and landmark, without bounds. In the paper B takes 512
    channels at stride 8, and three doublings bring the maps to the size of the picture.

    Args:
        width: channels of the features.
        landmarks: how many.
        magnified: by how much the maps are larger than the features, a power of two.
        normed: batch normalisation behind each convolution, which the paper has not: its VGG16
            has none either, and comes with weights.
    """

    def __init__(self, width: int, landmarks: int, *, magnified: int, normed: bool) -> None:
        super().__init__()
        layers = [
            *_convolution(width, NARROW, normed=normed, size=1),
            *_convolution(NARROW, NARROW, normed=normed),
            *_convolution(NARROW, NARROW, normed=normed),
            *_convolution(NARROW, WIDE, normed=normed),
        ]
        doublings, entered = magnified.bit_length() - 1, WIDE
        for number in range(doublings):
            left = max(entered // 2, LEAST)
            layers += _doubling(entered, left, normed=normed)
            for _ in range(1 if number == doublings - 1 else 2):
                layers += _convolution(left, left, normed=normed)
            entered = left
        self.layers = nn.Sequential(*layers)
        self.maps = nn.Conv2d(entered, landmarks, 1)
        nn.init.normal_(self.maps.weight, std=FIRST_DEVIATION)
        nn.init.zeros_(self.maps.bias)  # type: ignore[arg-type] # it has one

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w) to maps float32 (N, landmarks, magnified h, magnified w)."""
        large = self.layers(features)
        # In full precision: where a peak lies between two pixels is told by small differences.
        with torch.autocast(large.device.type, enabled=False):
            maps: Tensor = self.maps(large.float())
        return maps


class Visibility(nn.Module):
    """Whether each landmark can be seen, by what stands where it was found. Not in the paper.

    Args:
        width: channels of the features.
        landmarks: how many.
    """

    def __init__(self, width: int, landmarks: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(landmarks, width))
        self.bias = nn.Parameter(torch.zeros(landmarks))

    def forward(self, features: Tensor, heatmaps: Tensor) -> Tensor:
        """Features (N, width, h, w) and maps (N, landmarks, H, W) to logits (N, landmarks).

        Maps are high, and above 0, where the landmark is.
        """
        found = read_at(features, heatmaps)
        with torch.autocast(found.device.type, enabled=False):
            logits: Tensor = (found * self.weight).sum(2) + self.bias
        return logits


def read_at(features: Tensor, heatmaps: Tensor) -> Tensor:
    """The mean of features, weighted by each landmark's map.

    Whoever reads there must not move where a landmark is found: no gradient passes to the maps.

    Args:
        features: (N, width, h, w).
        heatmaps: high, and above 0, where a landmark is, (N, landmarks, H, W).

    Returns:
        float32 (N, landmarks, width).
    """
    places = functional.interpolate(
        heatmaps.detach(), tuple(features.shape[2:]), mode="bilinear", align_corners=False
    )
    # Squared, since the many low places of a map would outweigh its one peak.
    share = places.clamp(min=0).square().flatten(2) + TRIFLE
    share = share / share.sum(2, keepdim=True)
    with torch.autocast(features.device.type, enabled=False):
        return share @ features.float().flatten(2).transpose(1, 2)


def _convolution(entered: int, width: int, *, normed: bool, size: int = 3) -> list[nn.Module]:
    layer = nn.Conv2d(entered, width, size, padding=size // 2, bias=not normed)
    return _with_activation(layer, width, normed=normed)


def _doubling(entered: int, width: int, *, normed: bool) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(entered, width, 4, stride=2, padding=1, bias=not normed)
    return _with_activation(layer, width, normed=normed)


def _with_activation(layer: nn.Module, width: int, *, normed: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(width)] if normed else []
    return [layer, *norm, nn.ReLU(inplace=True)]
