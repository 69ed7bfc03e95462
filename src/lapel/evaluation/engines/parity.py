"""How far two networks are apart: numbers for all kinds, answers for each kind its own.

An exported network is compared with torch's on real pictures: one that says the same may be
shipped. One that computes with fewer digits cannot say the same; of it is asked that it answers
nearly all pictures alike, and its accuracy is measured beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.inference.engines.base import Engine
from lapel.schema.labels import Schema
from lapel.tasks.garments import BOX, LABEL, POINT, POINTS, SCORE, THRESHOLD

Floats = NDArray[np.float32]

#: So many points may jump between two peaks that are equally high.
JUMPING_POINTS = 0.05

#: In pixels of the canvas: a landmark that moves so far has taken the next place of its map.
STEP = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How near two networks have to be.

    Attributes:
        difference: between two outputs, as a share of the largest output, at most.
        changed: share of the answers that may differ; one may always.
        move: in pixels of the canvas: what is further away is another place.
        places: classes of more than this share of the places have to change for a picture to be
            another.
        tags: more than this share of its tags have to change for a picture to be another.
        score: two scores of one garment may be so far apart.
    """

    difference: float
    changed: float
    move: float
    places: float
    tags: float
    score: float


#: Between engines of float32: the same sums in another order.
SAME = Closeness(difference=1e-3, changed=1e-3, move=1.0, places=0.005, tags=0.0, score=1e-3)

#: Between float32 and fewer digits: a loss of accuracy is measured; this tells a broken network
#: from a coarse one.
ALIKE = Closeness(difference=np.inf, changed=0.25, move=8.0, places=0.05, tags=0.1, score=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far a network is from another, on some pictures.

    Attributes:
        pictures: compared.
        largest_difference: between two outputs, as a share of the largest output.
        changed_answers: answers that differ: another most probable label, other tags, a landmark
            that lies elsewhere, classes of more pixels, or other garments; from where on is said
            by ``asked``.
        asked: how near they have to be.
        tasks: that are answered for each picture.
    """

    pictures: int
    largest_difference: float
    changed_answers: int
    asked: Closeness = SAME
    tasks: int = 1

    @property
    def answers(self) -> int:
        """Compared: one a picture and task."""
        return self.pictures * self.tasks

    @property
    def allowed_changes(self) -> int:
        """So many answers may differ."""
        return max(1, int(self.asked.changed * self.answers))

    @property
    def holds(self) -> bool:
        """Whether they are as near as they have to be."""
        return (
            self.largest_difference <= self.asked.difference
            and self.changed_answers <= self.allowed_changes
        )

    def words(self) -> str:
        """What was found and what was asked."""
        bound = ""
        if np.isfinite(self.asked.difference):
            bound = f", allowed {self.asked.difference:.2g}"
        return (
            f"{self.changed_answers} of {self.answers} answers about {self.pictures} pictures "
            f"differ (allowed {self.allowed_changes}), by at most {self.largest_difference:.2g} of "
            f"the largest output{bound}"
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "pictures": self.pictures,
            "largest_difference": self.largest_difference,
            "changed_answers": self.changed_answers,
        }


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
        asked: how near they have to be.
    """

    mine: Floats
    reference: Floats
    known: NDArray[Any]
    size: tuple[int, int]
    asked: Closeness = SAME


def _labels(two: Two) -> Apart:
    changed = two.mine.argmax(1) != two.reference.argmax(1)
    return Apart(_largest(two), int(changed.sum()))


def _tags(two: Two) -> Apart:
    changed = ((two.mine > 0) != (two.reference > 0)).mean(1) > two.asked.tags
    return Apart(_largest(two), int(changed.sum()))


def _landmarks(two: Two) -> Apart:
    """A landmark whose map has two peaks that are equally high may be seen at either. Such a jump
    is a changed answer where there is such a landmark at all, and no difference of the networks;
    one to the next place of its map is neither, as long as few of them do it.
    """
    difference = np.abs(two.mine - two.reference)
    moved = (difference[..., :2] * two.size).max(2)
    changed = ((moved > two.asked.move) & (two.known[..., 0] > 0)).any(1)
    jumped = moved > STEP
    if jumped.mean() > JUMPING_POINTS:
        jumped = moved > two.asked.move
    return Apart(float(difference[~jumped].max(initial=0.0)), int(changed.sum()))


def _classes(two: Two) -> Apart:
    other = two.mine.argmax(1) != two.reference.argmax(1)
    return Apart(_largest(two), int((other.mean((1, 2)) > two.asked.places).sum()))


def _garments(two: Two) -> Apart:
    """What people are told of by either has to be there in both, in the same place and of the same
    category; how far apart it is is measured where it is.
    """
    differences, changed = [0.0], 0
    for mine, reference in zip(two.mine, two.reference, strict=True):
        both = [_told_of(reference, mine, two), _told_of(mine, reference, two)]
        known = [difference for difference in both if difference is not None]
        if len(known) == len(both):
            differences += known
        else:
            changed += 1
    return Apart(max(differences), changed)


def _told_of(said: Floats, other: Floats, two: Two) -> float | None:
    """The largest difference between garments of a picture and the other's of the same place and
    category; None where there is no such.

    Looked at are those that people are told of, or where there is none the surest.
    """
    largest = 0.0
    least = min(THRESHOLD, float(said[:, SCORE].max(initial=0.0)))
    # A little below it as well, since two scores may lie on either side.
    candidates = other[other[:, SCORE] >= least - two.asked.score]
    told = said[(said[:, SCORE] >= least) & (said[:, SCORE] > 0)]
    for row in told:
        moves = np.abs(candidates[:, BOX] - row[BOX]) * (*two.size, *two.size)
        fits = (moves.max(axis=1, initial=0.0) <= two.asked.move) & (
            candidates[:, LABEL] == row[LABEL]
        )
        if not fits.any():
            return None
        same = candidates[fits][moves[fits].max(axis=1).argmin()]
        jumped = _jumped_points(same, row, two)
        if jumped.size and jumped.mean() > JUMPING_POINTS:
            return None
        steady = np.ones(len(row), np.bool_)
        steady[POINTS:] = np.repeat(~jumped, POINT)
        largest = max(largest, float(np.abs(same - row)[steady].max()))
    return largest


def _jumped_points(mine: Floats, reference: Floats, two: Two) -> NDArray[np.bool_]:
    moves = np.abs(mine[POINTS:] - reference[POINTS:]).reshape(-1, POINT)[:, :2] * two.size
    found: NDArray[np.bool_] = moves.max(axis=1, initial=0.0) > two.asked.move
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


def compare_engines(
    mine: Engine,
    reference: Engine,
    batches: Iterable[NDArray[np.uint8]],
    schema: Schema,
    asked: Closeness = SAME,
) -> Parity:
    """How far an engine is from another, on pictures whose labels nobody need know.

    Args:
        mine: the one that is tried.
        reference: the one that it is compared with.
        batches: prepared pixels (N, C, h, w).
        schema: what both are asked.
        asked: how near they have to be.
    """
    names = [spec.name for spec in schema]
    pictures, difference, largest, changed = 0, 0.0, 1e-9, 0
    for pixels in batches:
        answers, expected = mine.run(pixels, names), reference.run(pixels, names)
        size = (pixels.shape[3], pixels.shape[2])
        pictures += len(pixels)
        for spec in schema:
            said, told = answers[spec.name], expected[spec.name]
            two = Two(said, told, _told(spec.kind, told), size, asked)
            apart = (
                COMPARED[spec.kind](two) if np.isfinite(said).all() else Apart(np.inf, len(said))
            )
            difference = max(difference, apart.difference)
            changed += apart.changed
            largest = max(largest, float(np.abs(told).max(initial=0.0)))
    return Parity(
        pictures=pictures,
        largest_difference=difference / largest,
        changed_answers=changed,
        asked=asked,
        tasks=len(schema.tasks),
    )


def _told(kind: str, outputs: Floats) -> NDArray[Any]:
    """Stands in for weights where there are no labels: a landmark is there where it is told of."""
    return outputs[..., 2:] > 0 if kind == "landmarks" else np.ones(len(outputs), np.bool_)
