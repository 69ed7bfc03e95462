"""The landmarks of garments: a map of each point over a garment's box, and whether it is seen.

The layers are those of Mask R-CNN for keypoints (He et al. 2017, arXiv 1703.06870, section 5, with
torchvision's resolution of 56), but for two things. A point that something hides has a place all
the same, and whether it can be seen is learned beside. And of the points of all categories, 294 of
DeepFashion2, an answer reads those of the garment's own category alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads

from lapel.models.heads.garment_targets import PictureTruth
from lapel.models.heads.heatmaps import as_chances, peak_places
from lapel.schema.labels import TaskSpec
from lapel.tasks.placed_garments import slots_of

#: Places a side on which a point is looked for in a box.
SIDE = 56

#: Places a side of the features of a box.
POOLED = 14


class PointsHead(nn.Module):
    """Features of boxes to maps of points, and logits of being visible.

    Args:
        spec: the task, with its points.
        width: channels of the features.
        layers: channels of each convolution.
    """

    own: Tensor

    def __init__(self, spec: TaskSpec, width: int, layers: Sequence[int]) -> None:
        super().__init__()
        self.count = len(spec.point_names)
        self.convolutions = KeypointRCNNHeads(width, tuple(layers))
        self.maps = nn.ConvTranspose2d(layers[-1], self.count, 4, stride=2, padding=1)
        self.visible = nn.Linear(layers[-1], self.count)
        nn.init.kaiming_normal_(self.maps.weight, mode="fan_out", nonlinearity="relu")
        slots = slots_of(spec)
        places = [slots[label] for label in spec.labels]
        longest = max(map(len, places))
        # Shorter rows are filled with a place behind the last point, which is cut off again.
        filled = [row + [self.count] * (longest - len(row)) for row in places]
        self.register_buffer("own", torch.tensor(filled), persistent=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (K, width, 14, 14) of boxes to maps (K, P, 28, 28), and logits (K, P)."""
        hidden = self.convolutions(features)
        return self.maps(hidden).float(), self.visible(hidden.mean((2, 3))).float()

    def found(self, features: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
        """Where the points of garments are.

        Args:
            features: of the boxes, (K, width, 14, 14).
            boxes: float32 (K, 4): left, top, right, bottom.
            labels: int64 (K,), of each garment.

        Returns:
            float32 (K, P, 3): x and y, as the boxes have them, and the probability of being
            visible; 0 for points that the label has not.
        """
        maps, visible = self(features)
        own = self.own[labels]  # (K, Q)
        place = own.clamp(max=self.count - 1)
        side = maps.shape[-1]
        of_label = maps.gather(1, place[:, :, None, None].expand(-1, -1, side, side))
        shares = peak_places(as_chances(_enlarged(of_label)))
        corner, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
        chance = visible.sigmoid().gather(1, place)[..., None]
        read = torch.cat([corner + shares * size, chance], 2)
        empty = read.new_zeros(boxes.shape[0], self.count + 1, 3)
        everything: Tensor = empty.scatter(1, own[:, :, None].expand(-1, -1, 3), read)
        return everything[:, : self.count]


def points_loss(
    maps: Tensor,
    visible: Tensor,
    boxes: Tensor,
    which: Sequence[Tensor],
    truths: Sequence[PictureTruth],
) -> list[Tensor]:
    """How wrong maps and visibility are, of the points whose places are known and in their box.

    Args:
        maps: (K, P, 28, 28).
        visible: logits (K, P).
        boxes: float32 (K, 4), on which the maps lie, picture by picture.
        which: for each picture, the number of the garment of each of its boxes, int64.
        truths: of each picture.

    Returns:
        The cross-entropy over the places of a box (He et al. 2017, section 5), as a share of what
        having no idea costs, so that it does not drown the other losses; and the binary one of
        being visible.
    """
    pairs = list(zip(truths, which, strict=True))
    points = torch.cat([truth.points[rows] for truth, rows in pairs])
    placed = torch.cat([truth.placed[rows] for truth, rows in pairs])
    seen = torch.cat([truth.visible[rows] for truth, rows in pairs])
    shares = (points - boxes[:, None, :2]) / (boxes[:, 2:] - boxes[:, :2])[:, None]
    known = placed & ((shares >= 0) & (shares <= 1)).all(2)
    if not known.any():
        return []
    column, row = (shares[known] * SIDE).long().clamp(max=SIDE - 1).unbind(1)
    places = _enlarged(maps[known][:, None]).flatten(1)
    return [
        functional.cross_entropy(places, row * SIDE + column) / math.log(SIDE * SIDE),
        functional.binary_cross_entropy_with_logits(visible[known], seen[known].float()),
    ]


def _enlarged(maps: Tensor) -> Tensor:
    """Maps twice as fine."""
    return functional.interpolate(maps, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
