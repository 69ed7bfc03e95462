"""How one class a pixel is learned: maps of several strides, a decoder, logits for the canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.decoders import ANSWER_STRIDE, build_decoder
from lapel.models.heads.base import LabelCounts, MapsHead, Raw, tensor_targets
from lapel.models.heads.label_losses import label_weights
from lapel.models.heads.segmentation_losses import PLUS, SegmentationLoss
from lapel.schema.geometry import mirrored
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS

#: Maps whose pixels are counted at once.
COUNTED_TOGETHER = 64


class SegmentationHead(MapsHead):
    """Maps of a backbone to logits of the whole canvas, a quarter of its size.

    Args:
        labels: classes.
        options: see :func:`~lapel.models.decoders.build_decoder`.

    Raises:
        RecipeError: a decoder that does not go with the backbone's maps.
    """

    def __init__(self, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.decoder = build_decoder(options, labels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (N, their width, their h, their w), the finest first, to (N, labels, H/4, W/4)."""
        logits: Tensor = self.decoder(maps)
        stride = self.decoder.stride
        if stride < ANSWER_STRIDE:
            return functional.avg_pool2d(logits, ANSWER_STRIDE // stride)
        if stride > ANSWER_STRIDE:
            scale = stride // ANSWER_STRIDE
            return functional.interpolate(
                logits, scale_factor=scale, mode="bilinear", align_corners=False
            )
        return logits


class LearnedSegmentation:
    """The learning half of ``segmentation``."""

    spatial = True
    dense = True

    @staticmethod
    def targets(encoded: Any, device: torch.device) -> Tensor:  # noqa: ANN401 - as every kind's
        """One array, on the device."""
        return tensor_targets(encoded, device)

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - it looks at maps below the features
        """Options ``decoder`` and ``decoder_channels``; see :class:`SegmentationHead`."""
        return SegmentationHead(len(spec.labels), options)

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:
        """Classes uint8 (N, H, W) and weights (N,), counted in pictures: a class that covers a
        quarter of a picture has 0.25 of it.
        """
        pixels = torch.zeros(UNKNOWN_CLASS + 1, dtype=torch.float64)
        area = 1
        for rows in torch.split(torch.arange(len(target)), COUNTED_TOGETHER):
            maps = target[rows.to(target.device)]
            area = maps[0].numel()
            classes = maps[weight[rows.to(weight.device)].to(maps.device) > 0]
            pixels += classes.flatten().int().bincount(minlength=len(pixels)).cpu()
        shares = (pixels[: len(spec.labels)] / area).float().to(weight.device)
        return LabelCounts(yes=shares, known=shares.sum().expand(len(spec.labels)))

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - as every kind's
        """Option ``segmentation``: names of losses to add, as ``cross_entropy+dice``;
        ``class_weights`` and ``label_smoothing`` are those of the cross-entropy.
        """
        return SegmentationLoss(
            str(options.get("segmentation", "cross_entropy")).split(PLUS),
            weights=label_weights(counts, options.get("class_weights", "none")),
            smoothing=options.get("label_smoothing", 0.0),
        )

    @staticmethod
    def answer(raw: Raw) -> Tensor:
        """Logits are the output, float32 (N, labels, h, w)."""
        if not isinstance(raw, Tensor):
            raise TypeError(f"classes of pixels are answered by logits, found {type(raw).__name__}")
        return raw.float()

    @staticmethod
    def shown(raw: Raw) -> Tensor | None:  # noqa: ARG004 - as every kind's
        """Nothing beside the output."""
        return None

    @staticmethod
    def moved(
        spec: TaskSpec, target: Tensor, weight: Tensor, moves: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Label maps follow their pictures: each pixel takes the class of the one that it shows.

        What comes in from outside the canvas is unknown, though the picture may repeat its border
        there. In a mirror, classes named left and right change places.
        """
        # By how much each class is away from unknown, since what lies outside is read as 0.
        away = target[:, None].float() - UNKNOWN_CLASS
        grid = functional.affine_grid(_windows(moves), list(away.shape), align_corners=False)
        seen = functional.grid_sample(
            away, grid, mode="nearest", padding_mode="zeros", align_corners=False
        )
        maps = (seen[:, 0] + UNKNOWN_CLASS).to(torch.uint8)
        turned = moves[:, 0, 0] * moves[:, 1, 1] - moves[:, 0, 1] * moves[:, 1, 0]
        return _with_sides_exchanged(maps, turned < 0, spec.labels), weight


def _windows(moves: Tensor) -> Tensor:
    """For moves float32 (N, 2, 3) of places, in shares of the canvas, the way back from new places
    to old ones, both from -1 to 1.
    """
    linear = torch.linalg.inv(moves[:, :, :2])
    # A place p of -1 to 1 is (p + 1) / 2 as a share.
    offset = linear @ (1 - 2 * moves[:, :, 2:]) - 1
    return torch.cat([linear, offset], 2)


def _with_sides_exchanged(maps: Tensor, mirror: Tensor, labels: Sequence[str]) -> Tensor:
    """Maps (N, H, W) in which, where pictures are mirrored, left classes are right ones."""
    others = mirrored(labels)
    if others == tuple(range(len(labels))):
        return maps
    table = torch.full((UNKNOWN_CLASS + 1,), UNKNOWN_CLASS, dtype=torch.uint8, device=maps.device)
    table[: len(labels)] = torch.tensor(others, dtype=torch.uint8, device=maps.device)
    return torch.where(mirror[:, None, None], table[maps.long()], maps)
