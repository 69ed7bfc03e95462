"""What a model answers, as Label Studio's results, by the words that a configuration asks in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.outlines import mask_from
from lapel.imaging.simplifying import simplified
from lapel.imaging.tracing import outlines_of
from lapel.review.label_studio.binding import Binding, Bound
from lapel.review.label_studio.config import AREAS
from lapel.review.label_studio.items import Item, Items
from lapel.schema.garments import Point
from lapel.schema.geometry import Box
from lapel.schema.prediction import (
    SEEN,
    Answer,
    FoundGarment,
    FoundLandmark,
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    Prediction,
    SegmentationAnswer,
    SingleLabelAnswer,
)
from lapel.schema.read_garments import ReadGarment, ReadScene

#: Outlines are drawn by hand within about so much of the longer side; corners that say less are
#: left out, so that what a person mends has tens of corners and not thousands. At least as much as
#: the steps of the pixels themselves.
TOLERANCE, STEPS = 0.004, 1.0

#: Parts of a mask smaller than this share of the picture become no outline of their own.
SMALLEST_PART = 0.0005


def results_of(found: Prediction | ReadScene, binding: Binding) -> list[Item]:
    """The results that answer a configuration.

    Of landmarks those that can be seen; of garments all, each with what the configuration can
    hold of it: its rectangle, outlines, pixels and points, tied to one another by ``parentID``.

    Args:
        found: the answers about one photo.
        binding: which control asks what.
    """
    items = Items(found.width, found.height)
    if isinstance(found, ReadScene):
        _garments(items, binding, found.garments)
        return items.each
    for task, answer in found.answers.items():
        _answer(items, binding, task, answer)
    return items.each


def _answer(items: Items, binding: Binding, task: str, answer: Answer) -> None:
    if isinstance(answer, SingleLabelAnswer | MultiLabelAnswer):
        for bound in binding.of(task, "choices", "taxonomy", "rating"):
            _choose(items, bound, answer)
    elif isinstance(answer, LandmarksAnswer):
        for bound in binding.of(task, "keypointlabels"):
            _points(items, bound, answer.points, parent=None)
    elif isinstance(answer, GarmentsAnswer):
        _garments(items, binding, [ReadGarment(found=one) for one in answer.each])
    elif isinstance(answer, SegmentationAnswer):
        for bound in binding.of(task, "polygonlabels", "brushlabels"):
            for place, name in enumerate(answer.labels):
                if name in bound.labels:
                    area(items, bound, name, answer.mask == place)


def _choose(
    items: Items,
    bound: Bound,
    answer: SingleLabelAnswer | MultiLabelAnswer,
    region: str | None = None,
) -> None:
    if isinstance(answer, SingleLabelAnswer):
        held: Sequence[tuple[str, float]] = [(answer.label, answer.probability)]
    else:
        held = list(zip(answer.labels, answer.probabilities, strict=True))
    known = [(bound.labels[label], value) for label, value in held if label in bound.labels]
    if bound.control.single:
        known = sorted(known, key=lambda one: -one[1])[:1]
    if known:
        labels, values = [label for label, _ in known], [value for _, value in known]
        items.choose(bound.control, labels, region=region, score=float(np.mean(values)))


def _points(
    items: Items, bound: Bound, points: Iterable[FoundLandmark], parent: str | None
) -> None:
    for point in points:
        if point.visible >= SEEN and point.name in bound.labels:
            items.point(
                bound.control,
                bound.labels[point.name],
                (point.x, point.y),
                parent=parent,
                score=point.visible,
            )


def _garments(items: Items, binding: Binding, garments: Iterable[ReadGarment]) -> None:
    areas = marking(binding)
    for garment in garments:
        found = garment.found
        parent: str | None = None
        for bound in areas:
            marked = mark_garment(items, bound, found, parent)
            parent = parent or marked
        if parent is None and areas:
            continue  # a category that the configuration does not have
        for bound in binding.of_points():
            _points(items, bound, _points_of(garment, bound), parent)
        for bound in binding.of_regions():
            answer = garment.answers.get(bound.task.name)
            if parent and isinstance(answer, SingleLabelAnswer | MultiLabelAnswer):
                _choose(items, bound, answer, parent)


def marking(binding: Binding) -> list[Bound]:
    """The controls that garments are marked with: rectangles, and for their pixels outlines, which
    a person mends, or brushes where outlines are not asked for.
    """
    areas = [one for one in binding.bound if one.control.type in AREAS and is_of_garments(one)]
    outlined = {one.task.name for one in areas if one.control.type == "polygonlabels"}
    return [
        one for one in areas if one.control.type != "brushlabels" or one.task.name not in outlined
    ]


def is_of_garments(bound: Bound) -> bool:
    """Whether a control asks of garments, each for itself."""
    return bound.task.kind == "garments"


def _points_of(garment: ReadGarment, bound: Bound) -> Sequence[FoundLandmark]:
    """The finder's own points, or the reader's."""
    if is_of_garments(bound):
        return garment.found.points
    answer = garment.answers.get(bound.task.name)
    return answer.points if isinstance(answer, LandmarksAnswer) else ()


def mark_garment(items: Items, bound: Bound, found: FoundGarment, parent: str | None) -> str | None:
    """A garment as what a control marks; the first region's name, None where it marks nothing."""
    if found.label not in bound.labels:
        return None
    if bound.control.type == "rectanglelabels":
        label = bound.labels[found.label]
        return items.box(bound.control, label, found.box, parent=parent, score=found.score)
    if found.mask is not None:
        return area(
            items, bound, found.label, mask_from(found.mask), parent=parent, score=found.score
        )
    if bound.control.type == "polygonlabels":
        label, corners = bound.labels[found.label], _corners(found.box)
        return items.outline(bound.control, label, corners, parent=parent, score=found.score)
    return None


def area(
    items: Items,
    bound: Bound,
    label: str,
    mask: NDArray[np.bool_],
    *,
    parent: str | None = None,
    score: float | None = None,
) -> str | None:
    """Pixels as what a control marks: painted, or as outlines; the first region's name."""
    if not mask.any():
        return None
    word = bound.labels[label]
    if bound.control.type == "brushlabels":
        return items.mask(bound.control, word, mask, parent=parent, score=score)
    first: str | None = None
    for corners in outlines_to_mend(mask):
        name = items.outline(bound.control, word, corners, parent=first or parent, score=score)
        first = first or name
    return first


def outlines_to_mend(mask: NDArray[np.bool_]) -> list[tuple[Point, ...]]:
    """A mask as a few polygons of few corners, the largest first; there is always one."""
    height, width = mask.shape
    rings = sorted(outlines_of(mask), key=_area, reverse=True)
    kept = [ring for ring in rings if _area(ring) >= SMALLEST_PART * mask.size] or rings[:1]
    tolerance = max(STEPS, TOLERANCE * max(height, width))
    return [simplified(ring, tolerance) for ring in kept]


def _area(ring: Sequence[Point]) -> float:
    x, y = np.asarray(ring, np.float64).T
    return float(abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2)


def _corners(box: Box) -> tuple[Point, ...]:
    return (
        (box.left, box.top),
        (box.right, box.top),
        (box.right, box.bottom),
        (box.left, box.bottom),
    )


def score_of(found: Prediction | ReadScene) -> float | None:
    """How sure the model is of the photo, 0 to 1: its least sure answer. Label Studio sorts by it.

    A single label counts by its probability, tags by the mean of max(p, 1 - p), landmarks by the
    same of "can be seen", garments by their mean score (none: nothing is said); label maps say
    nothing.
    """
    if isinstance(found, ReadScene):
        answers = [answer for one in found.garments for answer in one.answers.values()]
        sure = [one.found.score for one in found.garments]
        values = [*map(_certainty, answers), *sure]
    else:
        values = [_certainty(answer) for answer in found.answers.values()]
    known = [value for value in values if value is not None]
    return round(min(known), 4) if known else None


def _certainty(answer: Answer) -> float | None:
    if isinstance(answer, SingleLabelAnswer):
        return answer.probability
    if isinstance(answer, MultiLabelAnswer):
        values = [value for _, value in answer.top] or list(answer.probabilities)
    elif isinstance(answer, LandmarksAnswer):
        values = [point.visible for point in answer.points]
    elif isinstance(answer, GarmentsAnswer):
        return float(np.mean([one.score for one in answer.each])) if answer.each else None
    else:
        return None
    return float(np.mean([max(value, 1 - value) for value in values])) if values else None
