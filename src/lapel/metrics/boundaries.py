"""How well the outlines of classes are met, in pixels: the BF score.

Source: Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?"
(BMVC 2013), section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lapel.schema.masks import UNKNOWN_CLASS

#: How near a boundary has to lie to the true one, as a share of the picture's diagonal: theirs.
TOLERANCE = 0.0075

#: Integers of so many bits, in which each class has one.
_KINDS: dict[int, Any] = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
_MOST = 64


def boundary_scores(
    predicted: NDArray[np.uint8], target: NDArray[np.uint8], classes: int
) -> NDArray[np.float64]:
    """The BF score of each class in one picture.

    The boundary of a class are its pixels that have a neighbour (above, below, left or right) of
    another class. Precision is the share of the answered boundary that lies nearer than the
    tolerance to the true one of the same class, recall the share of the true boundary that lies so
    near to the answered one, and the score is their F1; where one alone has a boundary it is 0.
    Where neither has (the class fills the picture, or all around it is unknown) it is 1 if some
    pixel of the class is called so, and 0 if none is. There is no boundary beside pixels of unknown
    class, nor at the edge of the picture. The diagonal is that of the box around all known pixels,
    since a canvas shows a picture in a part of it.

    Args:
        predicted: uint8 (H, W).
        target: uint8 (H, W), ``UNKNOWN_CLASS`` where nobody knows.
        classes: how many there are.

    Returns:
        float64 (L,); NaN where the truth lacks the class.
    """
    known = target != UNKNOWN_CLASS
    radius = TOLERANCE * _diagonal(known)
    truth = _Boundary.of(target)
    answer = _Boundary.of(np.where(known, predicted, np.uint8(UNKNOWN_CLASS)))
    found, true = truth.near(answer, radius, classes)
    right, said = answer.near(truth, radius, classes)
    recall, precision = found / np.maximum(true, 1), right / np.maximum(said, 1)
    both = precision + recall
    scores = np.divide(2 * precision * recall, both, out=np.zeros(classes), where=both > 0)
    occurs, met = (
        np.bincount(target[where], minlength=classes)[:classes] > 0
        for where in (known, known & (predicted == target))
    )
    scores[(true == 0) & (said == 0) & met] = 1.0
    return np.where(occurs, scores, np.nan)


def _diagonal(known: NDArray[np.bool_]) -> float:
    """Of the box around what is known, in pixels."""
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    if not len(rows):
        return 0.0
    return math.hypot(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Boundary:
    """The pixels of a mask at which classes meet.

    Attributes:
        shape: of the mask.
        places: int64 (P,), their places in the flat mask.
        classes: int64 (P,), their classes.
    """

    shape: tuple[int, ...]
    places: NDArray[np.int64]
    classes: NDArray[np.int64]

    @classmethod
    def of(cls, mask: NDArray[np.uint8]) -> Self:
        """The boundaries of all classes of a mask."""
        known = mask != UNKNOWN_CLASS
        edge = np.zeros(mask.shape, np.bool_)
        for after, before in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            differ = (mask[after] != mask[before]) & known[after] & known[before]
            edge[after] |= differ
            edge[before] |= differ
        places = np.flatnonzero(edge)
        return cls(shape=mask.shape, places=places, classes=mask.ravel()[places].astype(np.int64))

    def near(
        self, other: _Boundary, radius: float, classes: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each class, the pixels that have one of the other's nearby, and all pixels, (L,)."""
        close = np.zeros(len(self.places), np.bool_)
        for first in range(0, classes, _MOST):
            count = min(_MOST, classes - first)
            wide = other.widened(radius, first, count).ravel()
            mine = (self.classes >= first) & (self.classes < first + count)
            bits = wide[self.places[mine]] >> (self.classes[mine] - first).astype(wide.dtype)
            close[mine] = bits & 1
        found = np.bincount(self.classes[close], minlength=classes)
        return found, np.bincount(self.classes, minlength=classes)

    def widened(self, radius: float, first: int, count: int) -> NDArray[Any]:
        """An integer a pixel, (H, W): bit k is set where a pixel of class ``first + k`` lies nearer
        than the radius; of ``count`` classes. All classes are widened in one go.
        """
        kind = _KINDS[next(bits for bits in _KINDS if bits >= count)]
        height, width = self.shape
        seeds = np.zeros((height, width), kind)
        mine = (self.classes >= first) & (self.classes < first + count)
        shift = (self.classes[mine] - first).astype(kind)
        seeds.ravel()[self.places[mine]] = np.left_shift(kind(1), shift)
        # The rows of the disk, the outermost first: each stroke is no shorter than the one before.
        wide, stroke, reached = seeds.copy(), seeds.copy(), 0
        for away in range(min(math.ceil(radius), height) - 1, -1, -1):
            reach = math.ceil(math.sqrt(max(radius * radius - away * away, 0.0))) - 1
            for step in range(reached + 1, min(reach, width - 1) + 1):
                stroke[:, step:] |= seeds[:, :-step]
                stroke[:, :-step] |= seeds[:, step:]
                reached = step
            wide[away:] |= stroke[: height - away]
            wide[: height - away] |= stroke[away:]
        return wide
