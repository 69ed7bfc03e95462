"""The second half of Mask R-CNN: what is in each region that the first half proposes.

torchvision's layers, matching and sampling (``RoIHeads``), called one by one: so that groups in
which nobody told one garment from another are left alone, so that the loss can be asked for
without learning, and so that the answer of a picture is one tensor of a fixed shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import (
    RoIHeads,
    fastrcnn_loss,
    project_masks_on_boxes,
)
from torchvision.ops import MultiScaleRoIAlign, batched_nms, clip_boxes_to_image
from torchvision.ops.poolers import initLevelMapper

from lapel.models.garment_points import POOLED, PointsHead, points_loss
from lapel.models.heads.garment_targets import PictureTruth
from lapel.schema.labels import TaskSpec

#: Places a side of the features by which a box is told: those of He et al. 2017, section 3.
BOX_SIDE = 7

#: Samples a side and place (torchvision's).
SAMPLES = 2

#: A region of so many pixels a side is looked at on the map of stride 16 (Lin et al. 2017, arXiv
#: 1612.03144, equation 1, for pictures of 800 px and more).
CANONICAL_SIDE, CANONICAL_LEVEL = 224, 4

#: Of the regions looked at in learning, so many at most are garments (torchvision's).
GARMENT_SHARE = 0.25

#: From this overlap with a garment on a region is one, below it is none (torchvision's).
OVERLAP = 0.5

#: Share of a region that lies in a group: from it on it is neither a garment nor none.
IN_CROWD = 0.5

#: Boxes narrower than this, in pixels of the canvas, are none.
LEAST_SIDE = 1e-2

Maps = Mapping[str, Tensor]
Size = tuple[int, int]


class Chosen(NamedTuple):
    """The regions of each picture that are learned from.

    Attributes:
        boxes: float32 (R, 4) a picture.
        labels: int64 (R,): 0 for no garment, else 1 + the position of its label.
        garments: int64 (R,): which garment of the picture, where it is one.
        shifts: float32 (R, 4): from the region's box to the garment's.
    """

    boxes: list[Tensor]
    labels: list[Tensor]
    garments: list[Tensor]
    shifts: list[Tensor]


class Regions(nn.Module):
    """Regions of maps to garments: category, box, mask and points.

    Args:
        spec: the task.
        strides: of the maps that regions are cut from.
        options: of a recipe's ``model.detector``.
    """

    def __init__(self, spec: TaskSpec, strides: Sequence[int], options: Mapping[str, Any]) -> None:
        super().__init__()
        width, labels = options["width"], 1 + len(spec.labels)
        self.detections = int(options["detections"])
        self.agnostic = options["nms"] == "agnostic"
        mask_layers = tuple(options["mask_layers"])
        self.layers = RoIHeads(
            _pool(strides, BOX_SIDE),
            TwoMLPHead(width * BOX_SIDE**2, options["box_units"]),
            FastRCNNPredictor(options["box_units"], labels),
            fg_iou_thresh=OVERLAP,
            bg_iou_thresh=OVERLAP,
            batch_size_per_image=options["regions_learned"],
            positive_fraction=GARMENT_SHARE,
            bbox_reg_weights=None,
            score_thresh=options["least_score"],
            nms_thresh=options["nms_overlap"],
            detections_per_img=self.detections,
            mask_roi_pool=_pool(strides, POOLED),
            mask_head=MaskRCNNHeads(width, mask_layers, 1),
            mask_predictor=MaskRCNNPredictor(mask_layers[-1], mask_layers[-1], labels),
        )
        self.points = PointsHead(spec, width, options["point_layers"]) if spec.point_names else None

    def losses(
        self, maps: Maps, proposals: Sequence[Tensor], size: Size, truths: Sequence[PictureTruth]
    ) -> list[Tensor]:
        """The losses of categories, boxes, masks and points.

        Args:
            maps: float32 (N, width, h, w) each, the finest first.
            proposals: boxes of the regions of each picture, float32 (R, 4).
            size: height and width of the canvas.
            truths: of each picture.
        """
        chosen = self._chosen(proposals, truths)
        logits, shifts = self._told(maps, chosen.boxes, size)
        found = fastrcnn_loss(logits, shifts, chosen.labels, chosen.shifts)
        return [
            *found,
            *self._mask_loss(maps, chosen, size, truths),
            *self._points_loss(maps, chosen, size, truths),
        ]

    def found(self, maps: Maps, proposals: Tensor, size: Size) -> Tensor:
        """The garments of one picture.

        Args:
            maps: of it, float32 (1, width, h, w) each.
            proposals: boxes of its regions, float32 (R, 4).
            size: height and width of the canvas.

        Returns:
            Its outputs, float32 (D, 6 + 28 * 28 + 3 P), the surest first.
        """
        boxes, scores, labels = self._kept(*self._told(maps, [proposals], size), proposals, size)
        # One more, of no score: layers and engines need not know what to do with none.
        boxes = torch.cat([boxes, boxes.new_tensor([[0.0, 0.0, 1.0, 1.0]])])
        scores = torch.cat([scores, scores.new_zeros(1)])
        labels = torch.cat([labels, labels.new_zeros(1)])
        parts = [_shares(boxes, size), scores[:, None], labels[:, None].float()]
        parts.append(self._masks(maps, boxes, labels, size))
        if self.points is not None:
            parts.append(self._points(maps, boxes, labels, size))
        rows = torch.cat(parts, 1) * (scores > 0).float()[:, None]
        blank = rows.new_zeros(self.detections, rows.shape[1])
        return torch.cat([rows, blank])[: self.detections]

    def _told(self, maps: Maps, boxes: list[Tensor], size: Size) -> tuple[Tensor, Tensor]:
        """Logits of each category and none, (R, 1 + L), and shifts of the box for each."""
        layers = self.layers
        features = layers.box_head(layers.box_roi_pool(maps, boxes, [size] * len(boxes)))
        logits, shifts = layers.box_predictor(features)
        return logits.float(), shifts.float()

    def _kept(
        self, logits: Tensor, shifts: Tensor, proposals: Tensor, size: Size
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and labels of one picture: of those that overlap, the surest."""
        layers = self.layers
        moved = layers.box_coder.decode_single(shifts, proposals)
        boxes = clip_boxes_to_image(moved.reshape(-1, logits.shape[1], 4)[:, 1:], size)
        boxes = boxes.reshape(-1, 4)
        chances = logits.softmax(1)[:, 1:]
        labels = torch.arange(chances.shape[1], device=logits.device).expand_as(chances)
        scores, labels = chances.reshape(-1), labels.reshape(-1)
        real = ((boxes[:, 2:] - boxes[:, :2]) >= LEAST_SIDE).all(1)
        rows = torch.where((scores > layers.score_thresh) & real)[0]
        boxes, scores, labels = boxes[rows], scores[rows], labels[rows]
        together = torch.zeros_like(labels) if self.agnostic else labels
        best = batched_nms(boxes, scores, together, layers.nms_thresh)[: self.detections]
        return boxes[best], scores[best], labels[best]

    def _masks(self, maps: Maps, boxes: Tensor, labels: Tensor, size: Size) -> Tensor:
        """Probabilities (K, 28 * 28) over each box."""
        logits = self._mask_logits(maps, [boxes], size)
        rows = torch.arange(labels.shape[0], device=labels.device)
        return logits[rows, labels + 1].sigmoid().flatten(1)

    def _mask_logits(self, maps: Maps, boxes: list[Tensor], size: Size) -> Tensor:
        layers = self.layers
        features = layers.mask_roi_pool(maps, boxes, [size] * len(boxes))
        logits: Tensor = layers.mask_predictor(layers.mask_head(features)).float()
        return logits

    def _points(self, maps: Maps, boxes: Tensor, labels: Tensor, size: Size) -> Tensor:
        """x, y and visible of all points, (K, 3 P)."""
        if self.points is None:
            raise ValueError("the task has no points")
        features = self.layers.mask_roi_pool(maps, [boxes], [size])
        found = self.points.found(features, boxes, labels)
        x, y, visible = found.unbind(2)
        height, width = size
        return torch.stack([x / width, y / height, visible], 2).flatten(1)

    @torch.no_grad()
    def _chosen(self, proposals: Sequence[Tensor], truths: Sequence[PictureTruth]) -> Chosen:
        """A sample of the regions of each picture, and of its garments themselves."""
        layers = self.layers
        boxes = [truth.boxes for truth in truths]
        regions = layers.add_gt_proposals(list(proposals), boxes)
        named = [truth.labels + 1 for truth in truths]
        garments, labels = layers.assign_targets_to_proposals(regions, boxes, named)
        for own, label, truth in zip(regions, labels, truths, strict=True):
            label[(label == 0) & in_crowd(own, truth.crowds)] = -1  # which no sample has
        rows = layers.subsample(labels)
        # A picture without garments has none to be shifted to; nobody looks at what stands there.
        aims = [own if len(own) else own.new_zeros(1, 4) for own in boxes]
        garments = [own[row] for own, row in zip(garments, rows, strict=True)]
        regions = [own[row] for own, row in zip(regions, rows, strict=True)]
        aimed = [aim[own] for aim, own in zip(aims, garments, strict=True)]
        return Chosen(
            boxes=regions,
            labels=[own[row] for own, row in zip(labels, rows, strict=True)],
            garments=garments,
            shifts=list(layers.box_coder.encode(aimed, regions)),
        )

    def _mask_loss(
        self, maps: Maps, chosen: Chosen, size: Size, truths: Sequence[PictureTruth]
    ) -> list[Tensor]:
        """Of the regions that are garments whose mask is known."""
        rows = _of_garments(chosen, [truth.masked for truth in truths])
        boxes = [own[row] for own, row in zip(chosen.boxes, rows, strict=True)]
        if not sum(map(len, boxes)):
            return []
        logits = self._mask_logits(maps, boxes, size)
        side = logits.shape[-1]
        aims = [
            project_masks_on_boxes(truth.masks, box, garments[row], side)
            for truth, box, garments, row in zip(truths, boxes, chosen.garments, rows, strict=True)
        ]
        labels = torch.cat([own[row] for own, row in zip(chosen.labels, rows, strict=True)])
        said = logits[torch.arange(len(labels), device=labels.device), labels]
        return [functional.binary_cross_entropy_with_logits(said, torch.cat(aims))]

    def _points_loss(
        self, maps: Maps, chosen: Chosen, size: Size, truths: Sequence[PictureTruth]
    ) -> list[Tensor]:
        """Of the regions that are garments of which some point is known."""
        if self.points is None:
            return []
        rows = _of_garments(chosen, [truth.placed.any(1) for truth in truths])
        boxes = [own[row] for own, row in zip(chosen.boxes, rows, strict=True)]
        if not sum(map(len, boxes)):
            return []
        features = self.layers.mask_roi_pool(maps, boxes, [size] * len(boxes))
        which = [own[row] for own, row in zip(chosen.garments, rows, strict=True)]
        found, visible = self.points(features)
        return points_loss(found, visible, torch.cat(boxes), which, truths)


def in_crowd(boxes: Tensor, crowds: Tensor) -> Tensor:
    """Which boxes, float32 (n, 4), lie in one of some groups (c, 4) by half or more: bool (n,)."""
    left_top = torch.maximum(boxes[:, None, :2], crowds[None, :, :2])
    right_bottom = torch.minimum(boxes[:, None, 2:], crowds[None, :, 2:])
    within = (right_bottom - left_top).clamp(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    return (within > IN_CROWD * area[:, None]).any(1)


def _of_garments(chosen: Chosen, known: Sequence[Tensor]) -> list[Tensor]:
    """Which regions of each picture are garments of which something is known, by number."""
    rows = []
    for labels, garments, told in zip(chosen.labels, chosen.garments, known, strict=True):
        positive = labels > 0
        rows.append(torch.where(positive & told[garments] if len(told) else positive)[0])
    return rows


def _pool(strides: Sequence[int], side: int) -> MultiScaleRoIAlign:
    """Cuts regions out of maps, each out of the one that suits its size."""
    pool = MultiScaleRoIAlign([str(number) for number in range(len(strides))], side, SAMPLES)
    levels = [int(math.log2(stride)) for stride in strides]
    # Said, not guessed from the first picture: torchvision would ask a traced graph for it.
    pool.scales = [1.0 / stride for stride in strides]
    pool.map_levels = initLevelMapper(
        levels[0], levels[-1], canonical_scale=CANONICAL_SIDE, canonical_level=CANONICAL_LEVEL
    )
    return pool


def _shares(boxes: Tensor, size: Size) -> Tensor:
    """Boxes (K, 4) in pixels as shares of the canvas."""
    height, width = size
    left, top, right, bottom = boxes.unbind(1)
    return torch.stack([left / width, top / height, right / width, bottom / height], 1)
