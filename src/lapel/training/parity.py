"""How far an exported network is from torch's: numbers for all kinds, answers for each its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import TrainingError
from lapel.tasks.garments import BOX, LABEL, POINT, POINTS, SCORE, THRESHOLD

#: The exported network may differ from torch's by so much of the largest output ...
PARITY_TOLERANCE = 1e-3
#: ... and on so large a share of the pictures in its answer.
PARITY_CHANGED = 1e-3

#: In pixels of the canvas: what is further away is another place.
LARGEST_MOVE = 1.0

#: Classes of more than this share of the places have to change for a picture to be another.
CHANGED_PLACES = 0.005

#: So many of a garment's points may jump between two peaks that are equally high.
JUMPING_POINTS = 0.05

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far the exported network is from torch's, on the validation pictures.

    Attributes:
        pictures: compared.
        largest_difference: between two outputs, as a share of the largest output.
        changed_answers: answers that differ: another most probable label, other tags, a landmark
            that is a pixel of the canvas or more away, classes of more pixels than
            ``CHANGED_PLACES``, or other garments.
    """

    pictures: int
    largest_difference: float
    changed_answers: int

    def check(self) -> None:
        """See that they agree.

        Raises:
            TrainingError: they do not.
        """
        if self.largest_difference > PARITY_TOLERANCE or self.changed_answers > max(
            1, PARITY_CHANGED * self.pictures
        ):
            raise TrainingError(
                f"the exported network differs from torch's on {self.changed_answers} of "
                f"{self.pictures} validation pictures (largest difference "
                f"{self.largest_difference:.2g} of the largest output, allowed "
                f"{PARITY_TOLERANCE:.2g}); the run is kept, no bundle was written. Please report "
                "it with the recipe"
            )


class Apart(NamedTuple):
    """How far two batches of outputs are apart.

    Attributes:
        difference: the largest, of answers that are the same.
        changed: pictures that are answered otherwise.
    """

    difference: float
    changed: int


class Two(NamedTuple):
    """Outputs of two networks for the same pictures.

    Attributes:
        mine: (N, ...), of a task.
        reference: likewise.
        known: the task's weights, (N, ...).
        size: width and height of the canvas, in pixels.
    """

    mine: Floats
    reference: Floats
    known: NDArray[Any]
    size: tuple[int, int]


def _labels(two: Two) -> Apart:
    changed = two.mine.argmax(1) != two.reference.argmax(1)
    return Apart(_largest(two), int(changed.sum()))


def _tags(two: Two) -> Apart:
    changed = ((two.mine > 0) != (two.reference > 0)).any(1)
    return Apart(_largest(two), int(changed.sum()))


def _landmarks(two: Two) -> Apart:
    """A landmark whose map has two peaks that are equally high may be seen at either. Such a jump
    is a changed answer where there is such a landmark at all, and no difference of the networks.
    """
    difference = np.abs(two.mine - two.reference)
    jumped = (difference[..., :2] * two.size).max(2) > LARGEST_MOVE
    changed = (jumped & (two.known[..., 0] > 0)).any(1)
    return Apart(float(difference[~jumped].max(initial=0.0)), int(changed.sum()))


def _classes(two: Two) -> Apart:
    other = two.mine.argmax(1) != two.reference.argmax(1)
    return Apart(_largest(two), int((other.mean((1, 2)) > CHANGED_PLACES).sum()))


def _garments(two: Two) -> Apart:
    """What people are told of by either has to be there in both, in the same place and of the same
    category; how far apart it is is measured where it is.
    """
    differences, changed = [0.0], 0
    for mine, reference in zip(two.mine, two.reference, strict=True):
        both = [_told_of(reference, mine, two.size), _told_of(mine, reference, two.size)]
        known = [difference for difference in both if difference is not None]
        if len(known) == len(both):
            differences += known
        else:
            changed += 1
    return Apart(max(differences), changed)


def _told_of(said: Floats, other: Floats, size: tuple[int, int]) -> float | None:
    """The largest difference between garments of a picture and the other's of the same place and
    category; None where there is no such.

    Looked at are those that people are told of, or where there is none the surest.
    """
    largest = 0.0
    least = min(THRESHOLD, float(said[:, SCORE].max(initial=0.0)))
    # A little below it as well, since two scores may lie on either side.
    candidates = other[other[:, SCORE] >= least - PARITY_TOLERANCE]
    told = said[(said[:, SCORE] >= least) & (said[:, SCORE] > 0)]
    for row in told:
        moves = np.abs(candidates[:, BOX] - row[BOX]) * (*size, *size)
        fits = (moves.max(axis=1, initial=0.0) <= LARGEST_MOVE) & (
            candidates[:, LABEL] == row[LABEL]
        )
        if not fits.any():
            return None
        same = candidates[fits][moves[fits].max(axis=1).argmin()]
        jumped = _jumped_points(same, row, size)
        if jumped.size and jumped.mean() > JUMPING_POINTS:
            return None
        steady = np.ones(len(row), np.bool_)
        steady[POINTS:] = np.repeat(~jumped, POINT)
        largest = max(largest, float(np.abs(same - row)[steady].max()))
    return largest


def _jumped_points(mine: Floats, reference: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    moves = np.abs(mine[POINTS:] - reference[POINTS:]).reshape(-1, POINT)[:, :2] * size
    found: NDArray[np.bool_] = moves.max(axis=1, initial=0.0) > LARGEST_MOVE
    return found


def _largest(two: Two) -> float:
    return float(np.abs(two.mine - two.reference).max())


#: Kind of task to how its answers are compared.
COMPARED: Mapping[str, Callable[[Two], Apart]] = {
    "garments": _garments,
    "landmarks": _landmarks,
    "multi_label": _tags,
    "segmentation": _classes,
    "single_label": _labels,
}
