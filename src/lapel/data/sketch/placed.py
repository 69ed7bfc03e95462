"""Garments in their places, and whose each pixel is: labels and masks of what has been painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.data.sketch.canvas import WEARER, Canvas, Frame
from lapel.data.sketch.cloth import Cloth
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.labelling import SketchGarment, label_garment
from lapel.data.sketch.pose import Pose
from lapel.data.sketch.shape import Shape
from lapel.data.sketch.vocabulary import CLASSES, WEARER_CLASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A garment with all that was decided about it.

    Attributes:
        garment: in words.
        cut: in numbers.
        pose: how it is held.
        shape: its outlines and points, in units.
        cloth: what it is of.
        frame: where it is in the picture.
        presentation: ``worn``, ``hanger`` or ``flat``.
        first_owner: number of its first part in the picture's owners.
    """

    garment: Garment
    cut: Cut
    pose: Pose
    shape: Shape
    cloth: Cloth
    frame: Frame
    presentation: str
    first_owner: int

    @property
    def owners(self) -> slice:
        """The numbers of its parts."""
        return slice(self.first_owner, self.first_owner + len(self.shape.parts))


def counts(canvas: Canvas) -> NDArray[np.int64]:
    """How many pixels each part owns, (256,)."""
    return np.asarray(canvas.owners.histogram())


def labelled(
    canvas: Canvas, placed: Sequence[Placed], painted: Sequence[int], attributes: str
) -> tuple[tuple[SketchGarment, ...], NDArray[np.uint8]]:
    """The garments that are seen, the largest first, and the mask that numbers them so.

    Args:
        canvas: when all is painted.
        placed: the garments.
        painted: how many pixels of each were seen before others came in front.
        attributes: the set of attribute groups.

    Returns:
        The garments, and uint8 (H, W): 0 is no garment, k is the k-th.
    """
    owners = np.asarray(canvas.owners)
    found = counts(canvas)
    areas = [int(found[one.owners].sum()) for one in placed]
    order = sorted((n for n in range(len(placed)) if areas[n]), key=lambda n: (-areas[n], n))
    numbers = np.zeros(256, np.uint8)
    for number, which in enumerate(order, start=1):
        numbers[placed[which].owners] = number
    garments = tuple(
        label_garment(
            placed[which].garment,
            placed[which].shape,
            placed[which].frame,
            owners=owners,
            first_owner=placed[which].first_owner,
            attributes=attributes,
            presentation=placed[which].presentation,
            hidden=1 - areas[which] / painted[which],
        )
        for which in order
    )
    return garments, numbers[owners]


def pixel_classes(canvas: Canvas, placed: Sequence[Placed]) -> NDArray[np.uint8]:
    """The class of each pixel: uint8 (H, W), positions in ``vocabulary.CLASSES``."""
    positions = np.zeros(256, np.uint8)
    positions[WEARER] = CLASSES.index(WEARER_CLASS)
    for one in placed:
        positions[one.owners] = CLASSES.index(one.garment.kind.form)
    found: NDArray[np.uint8] = positions[np.asarray(canvas.owners)]
    return found
