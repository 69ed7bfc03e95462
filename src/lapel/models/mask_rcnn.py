"""Mask R-CNN (He et al. 2017, arXiv 1703.06870) over any backbone, of torchvision's layers.

Maps of several strides become a pyramid of one width (Lin et al. 2017, arXiv 1612.03144). Its
first half says where something may be, from boxes of a few sizes and shapes at every place; the
second, in ``regions.py``, what it is, how large, and where its outline and its points lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.rpn import (
    RegionProposalNetwork,
    RPNHead,
    concat_box_prediction_layers,
)
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from lapel.models.detector import Detector, DetectorNetwork
from lapel.models.heads.garment_targets import PictureTruth
from lapel.models.regions import Regions, Size, in_crowd
from lapel.schema.errors import RecipeError
from lapel.schema.labels import TaskSpec

#: Sides of anchors, where a recipe names none: so many steps of their map (Lin et al. 2017,
#: section 4.1: 32 px at stride 4).
STEPS_A_SIDE = 8

#: An anchor is a garment's from the first overlap on, and nothing's below the second; of proposals
#: that overlap by more than the third the better stays (Ren et al. 2015, arXiv 1506.01497).
IS_GARMENT, IS_NOTHING, SAME_PROPOSAL = 0.7, 0.3, 0.7

#: Of the anchors looked at in learning, so many at most are garments' (likewise).
GARMENT_SHARE = 0.5


class Proposed(NamedTuple):
    """What the first half says of N pictures.

    Attributes:
        maps: of the pyramid, the finest first, by number as text; each (N, width, h, w).
        objectness: of each map, (N, anchors a place, h, w): logits of a garment being there.
        shifts: of each map, (N, 4 * anchors a place, h, w): from the anchors to it.
    """

    maps: dict[str, Tensor]
    objectness: list[Tensor]
    shifts: list[Tensor]

    def of(self, rows: Tensor) -> Proposed:
        """Some of the pictures, by number."""
        if len(rows) == len(self.objectness[0]):
            return self
        return Proposed(
            {name: found[rows] for name, found in self.maps.items()},
            [found[rows] for found in self.objectness],
            [found[rows] for found in self.shifts],
        )


class MaskRCNN(Detector):
    """Maps of a backbone to garments.

    Args:
        spec: the task.
        options: ``maps``, the stride and width of each map that the backbone gives, and
            ``detector``, those of a recipe's ``model.detector``.

    Raises:
        RecipeError: a stride that the backbone has no map of, strides that do not double, or sizes
            of anchors that are not one row a map.
    """

    def __init__(self, spec: TaskSpec, options: Mapping[str, Any]) -> None:
        super().__init__()
        settings = options["detector"]
        self.strides = tuple(settings["strides"])
        given = {shape.stride: (place, shape.width) for place, shape in enumerate(options["maps"])}
        missing = [str(stride) for stride in self.strides if stride not in given]
        if missing:
            raise RecipeError(
                f"the backbone has no map of stride {', '.join(missing)}; it has "
                f"{', '.join(map(str, given))}: --set model.detector.strides=[...]"
            )
        if any(coarse != 2 * fine for fine, coarse in pairwise(self.strides)):
            # Each region is looked at on the map that suits its size: no step may be missing.
            raise RecipeError(
                "model.detector.strides double from each map to the next, found "
                f"{', '.join(map(str, self.strides))}; the backbone has "
                f"{', '.join(map(str, given))}"
            )
        self.taken = [given[stride][0] for stride in self.strides]
        widths = [given[stride][1] for stride in self.strides]
        self.pyramid = FeaturePyramidNetwork(widths, settings["width"], LastLevelMaxPool())
        #: Of all maps of the pyramid; the last is the coarsest, halved once more.
        self.steps = (*self.strides, 2 * self.strides[-1])
        self.first = _first_half(self.steps, settings)
        self.regions = Regions(spec, self.strides, settings)

    def said(self, maps: Sequence[Tensor]) -> Proposed:
        """What the first half makes of maps (N, width, h, w) each."""
        taken = {str(number): maps[place] for number, place in enumerate(self.taken)}
        pyramid = self.pyramid(taken)
        objectness, shifts = self.first.head(list(pyramid.values()))
        # From here on coordinates are counted, for which bfloat16 has not the digits.
        return Proposed(
            {name: found.float() for name, found in pyramid.items()},
            [found.float() for found in objectness],
            [found.float() for found in shifts],
        )

    def loss(self, said: Proposed, rows: Tensor, truths: Sequence[PictureTruth]) -> Tensor:
        """The sum of the losses of both halves, of the pictures of some rows."""
        if not truths:
            return 0.0 * torch.stack([found.sum() for found in said.objectness]).sum()
        said = said.of(rows)
        anchors = self._anchors(said)
        objectness, shifts = concat_box_prediction_layers(said.objectness, said.shifts)
        own = self._first_losses(objectness, shifts, anchors, truths)
        proposals = self._proposals(said, objectness, shifts, anchors)
        losses = [*own, *self.regions.losses(said.maps, proposals, self._size(said), truths)]
        return torch.stack(losses).sum()

    def found(self, said: Proposed) -> Tensor:
        """The garments of each picture, float32 (N, D, 6 + 28 * 28 + 3 P)."""
        objectness, shifts = concat_box_prediction_layers(said.objectness, said.shifts)
        proposals = self._proposals(said, objectness, shifts, self._anchors(said))
        size = self._size(said)
        return torch.stack(
            [
                self.regions.found(
                    {name: maps[row : row + 1] for name, maps in said.maps.items()}, boxes, size
                )
                for row, boxes in enumerate(proposals)
            ]
        )

    def _size(self, said: Proposed) -> Size:
        """Height and width of the canvas, in pixels."""
        height, width = said.maps["0"].shape[2:]
        return height * self.steps[0], width * self.steps[0]

    def _anchors(self, said: Proposed) -> Tensor:
        """The boxes at all places of a picture, float32 (A, 4)."""
        generator = self.first.anchor_generator
        maps = list(said.maps.values())
        generator.set_cell_anchors(torch.float32, maps[0].device)
        grids = [list(found.shape[2:]) for found in maps]
        anchors: Tensor = torch.cat(generator.grid_anchors(grids, [[s, s] for s in self.steps]))
        return anchors

    @torch.no_grad()
    def _proposals(
        self, said: Proposed, objectness: Tensor, shifts: Tensor, anchors: Tensor
    ) -> list[Tensor]:
        """Of each picture, boxes in which something may be, float32 (R, 4)."""
        count = len(said.objectness[0])
        everywhere = anchors.repeat(count, 1)
        boxes = self.first.box_coder.decode_single(shifts.detach(), everywhere)
        numbers = [found[0].shape for found in said.objectness]
        found, _ = self.first.filter_proposals(
            boxes.view(count, -1, 4),
            objectness,
            [self._size(said)] * count,
            [shape[0] * shape[1] * shape[2] for shape in numbers],
        )
        proposals: list[Tensor] = found
        return proposals

    def _first_losses(
        self, objectness: Tensor, shifts: Tensor, anchors: Tensor, truths: Sequence[PictureTruth]
    ) -> tuple[Tensor, Tensor]:
        """The losses of a garment being there, and of where (torchvision's)."""
        everywhere = [anchors] * len(truths)
        aims = [{"boxes": truth.boxes} for truth in truths]
        labels, aimed = self.first.assign_targets_to_anchors(everywhere, aims)
        for own, truth in zip(labels, truths, strict=True):
            own[(own == 0) & in_crowd(anchors, truth.crowds)] = -1  # which no sample has
        wanted = self.first.box_coder.encode(aimed, everywhere)
        losses: tuple[Tensor, Tensor] = self.first.compute_loss(objectness, shifts, labels, wanted)
        return losses


def _first_half(steps: Sequence[int], settings: Mapping[str, Any]) -> RegionProposalNetwork:
    sizes = settings["anchor_sizes"] or [[STEPS_A_SIDE * step] for step in steps]
    if len(sizes) != len(steps) or len({len(row) for row in sizes}) > 1:
        raise RecipeError(
            f"model.detector.anchor_sizes has a row of equally many sizes for each of the maps of "
            f"strides {', '.join(map(str, steps))}, found {sizes}"
        )
    shapes = tuple(settings["anchor_shapes"])
    generator = AnchorGenerator(tuple(map(tuple, sizes)), (shapes,) * len(sizes))
    most = {"training": settings["proposals"], "testing": settings["proposals"]}
    return RegionProposalNetwork(
        generator,
        RPNHead(settings["width"], generator.num_anchors_per_location()[0]),
        fg_iou_thresh=IS_GARMENT,
        bg_iou_thresh=IS_NOTHING,
        batch_size_per_image=settings["anchors_learned"],
        positive_fraction=GARMENT_SHARE,
        pre_nms_top_n=most,
        post_nms_top_n=most,
        nms_thresh=SAME_PROPOSAL,
    )


class MaskRCNNNetwork(DetectorNetwork):
    """Garments by :class:`MaskRCNN`."""

    detector = MaskRCNN
