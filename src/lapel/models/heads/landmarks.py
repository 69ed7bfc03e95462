"""How landmarks are learned: a map each, or two numbers each, and whether they can be seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lapel.models.heads.base import LabelCounts, LandmarkMaps, Raw, tensor_targets
from lapel.models.heads.heatmaps import as_chances, mean_places, peak_places
from lapel.models.heads.labels import LabelHead
from lapel.models.heads.landmark_losses import LandmarksLoss
from lapel.schema.geometry import mirrored
from lapel.schema.labels import TaskSpec

#: Maps have one pixel for so many of the canvas, along each side (Xiao et al. 2018).
MAP_STRIDE = 4

#: Channels of the transposed convolutions, unless options say otherwise. Xiao et al. have 256,
#: which on a CPU costs more than a small backbone.
MAP_CHANNELS = 128

#: Maps that a head of coordinates draws for itself, a landmark.
LOOKS = 4

#: Deviation of the weights that draw maps at first: they begin near nothing (Xiao et al. 2018).
FIRST_DEVIATION = 1e-3


class MapHead(nn.Module):
    """Features to a heatmap a landmark: the simple baseline of Xiao et al. 2018 (arXiv
    1804.06208, section 2): transposed convolutions that double the map, then a 1x1 convolution.

    Args:
        width: channels of the features.
        landmarks: how many.
        options: those of :class:`~lapel.models.heads.labels.LabelHead` for visibility;
            ``stride``, pixels of the canvas that a step on the features is wide;
            ``map_channels``; and ``places``, ``peak`` or ``mean``: how maps are read.
    """

    def __init__(self, width: int, landmarks: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        channels = options.get("map_channels", MAP_CHANNELS)
        doublings = max(1, round(math.log2(options.get("stride", 32) / MAP_STRIDE)))
        entered = [width, *[channels] * (doublings - 1)]
        self.upward = nn.Sequential(*(_doubling(count, channels) for count in entered))
        self.maps = nn.Conv2d(channels, landmarks, 1)
        nn.init.normal_(self.maps.weight, std=FIRST_DEVIATION)
        self.visible = LabelHead(width, landmarks, options)
        self.by_mean = options.get("places", "peak") == "mean"

    def forward(self, features: Tensor) -> LandmarkMaps:
        """Features (N, width, h, w) to maps, and logits of visibility."""
        return LandmarkMaps(
            heatmaps=self.maps(self.upward(features)),
            visible=self.visible(features),
            by_mean=self.by_mean,
        )


class PlaceHead(nn.Module):
    """Features to places at once.

    Pooled features have forgotten where things are. So the head draws maps for itself, and their
    mean places (the spatial softmax of Finn et al. 2016, arXiv 1509.06113, section IV) go into
    the answer.

    Args:
        width: channels of the features.
        landmarks: how many.
        options: those of :class:`~lapel.models.heads.labels.LabelHead`, for visibility.
    """

    def __init__(self, width: int, landmarks: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.looks = nn.Conv2d(width, LOOKS * landmarks, 1)
        self.places = nn.Linear(2 * LOOKS * landmarks, 2 * landmarks)
        self.visible = LabelHead(width, landmarks, options)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w) to outputs (N, L, 3)."""
        # About the middle of the canvas, where an untrained head answers.
        seen = mean_places(self.looks(features)).flatten(1) - 0.5
        places = self.places(seen).unflatten(1, (-1, 2)) + 0.5
        return torch.cat([places, self.visible(features)[..., None]], 2)


def _doubling(entered: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(entered, channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


class LearnedLandmarks:
    """The learning half of ``landmarks``."""

    spatial = True
    dense = False

    @staticmethod
    def targets(encoded: Any, device: torch.device) -> Tensor:  # noqa: ANN401 - as every kind's
        """One array, on the device."""
        return tensor_targets(encoded, device)

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """Option ``landmarks``: ``heatmap`` or ``coordinates``."""
        if options.get("landmarks", "heatmap") == "coordinates":
            return PlaceHead(width, len(spec.labels), options)
        return MapHead(width, len(spec.labels), options)

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:  # noqa: ARG004 - as every kind's
        """Targets (N, L, 5) and weights (N, L, 2): in how many pictures it is known whether a
        landmark can be seen, and in how many it can.
        """
        known = weight[..., 1] > 0
        seen = known & (target[..., 4] > 0)
        return LabelCounts(yes=seen.sum(0).float(), known=known.sum(0).float())

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - as every kind's
        """See :class:`~lapel.models.heads.landmark_losses.LandmarksLoss`."""
        return LandmarksLoss()

    @staticmethod
    def answer(raw: Raw) -> Tensor:
        """Maps to outputs (N, L, 3); outputs stay what they are."""
        if isinstance(raw, Tensor):
            return raw
        if not isinstance(raw, LandmarkMaps):
            raise TypeError(f"landmarks are answered by maps or places, found {type(raw).__name__}")
        read = mean_places if raw.by_mean else peak_places
        return torch.cat([read(raw.heatmaps), raw.visible.float()[..., None]], 2)

    @staticmethod
    def shown(raw: Raw) -> Tensor | None:
        """The maps, 0 and above; none where places are answered at once."""
        if not isinstance(raw, LandmarkMaps):
            return None
        return as_chances(raw.heatmaps) if raw.by_mean else raw.heatmaps.float().clamp(min=0)

    @staticmethod
    def moved(
        spec: TaskSpec, target: Tensor, weight: Tensor, moves: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Landmarks follow their pictures; in a mirror, left and right change places.

        What leaves the canvas has no place any more and cannot be seen. The box's width and
        height grow with the picture; where the picture turns, they stay those of the box before.
        """
        linear, offset = moves[:, :, :2], moves[:, None, :, 2]
        places = torch.einsum("nij,nlj->nli", linear, target[..., :2]) + offset
        sizes = target[..., 2:4] * linear.norm(dim=1)[:, None]
        inside = ((places >= 0) & (places <= 1)).all(2)
        gone = ~inside & (weight[..., 0] > 0)
        seen = torch.where(gone, 0.0, target[..., 4])
        target = torch.cat([places, sizes, seen[..., None]], 2)
        weight = torch.stack([weight[..., 0] * inside, weight[..., 1]], 2)
        turned = linear[:, 0, 0] * linear[:, 1, 1] - linear[:, 0, 1] * linear[:, 1, 0]
        mirror = (turned < 0)[:, None, None]
        other = torch.tensor(mirrored(spec.labels), device=target.device)
        return (
            torch.where(mirror, target[:, other], target),
            torch.where(mirror, weight[:, other], weight),
        )
