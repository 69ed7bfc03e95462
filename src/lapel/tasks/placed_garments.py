"""Garments as they are matched: those that are there, and those that were found, as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.outlines import garment_mask, mask_box, run_lengths_of
from lapel.imaging.pasting import pasted
from lapel.metrics.matching import FoundBoxes, TrueGarments
from lapel.schema.errors import SchemaError
from lapel.schema.garments import HIDDEN, VISIBLE, Garment, Garments
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import FoundGarment
from lapel.schema.run_lengths import RunLengths

#: A garment's number in its picture, itself, its box, and its pixels where somebody knows them.
_Placed = tuple[int, Garment, Box, RunLengths | None]


def slots_of(spec: TaskSpec) -> dict[str, list[int]]:
    """Label to where its points stand among ``spec.point_names``, in the garment's own order."""
    places = {name: place for place, name in enumerate(spec.point_names)}
    return {label: [places[name] for name in spec.points.get(label, ())] for label in spec.labels}


def true_garments(spec: TaskSpec, garments: Garments, width: int, height: int) -> TrueGarments:
    """What is there. Garments of which nobody knows the place are left out.

    Args:
        spec: the task.
        garments: in pixels of a picture.
        width: of that picture.
        height: likewise.

    Raises:
        SchemaError: a category outside the schema, or a mask of another size.
        MissingExtraError: there are outlines, and pycocotools is not installed.
    """
    found = (_placed(spec, place, one, width, height) for place, one in enumerate(garments.each))
    placed = [one for one in found if one is not None]
    labels = [spec.index(one.part) for _, one, _, _ in placed]
    crowd = [one.is_crowd for _, one, _, _ in placed]
    return TrueGarments(
        place=np.array([place for place, _, _, _ in placed], np.int64),
        labels=np.array(labels, np.int64),
        boxes=np.array([box for _, _, box, _ in placed], np.float64).reshape(-1, 4),
        crowd=np.array(crowd, np.bool_),
        masks=tuple(mask or mask_of_box(box, width, height) for _, _, box, mask in placed),
        masked=np.array([mask is not None for _, _, _, mask in placed], np.bool_),
        points=_points(spec, [one for _, one, _, _ in placed]),
    )


def found_boxes(spec: TaskSpec, found: Sequence[FoundGarment]) -> FoundBoxes:
    """What was found, in pixels of the picture."""
    slots = slots_of(spec)
    points = np.zeros((len(found), len(spec.point_names), 2))
    for row, one in enumerate(found):
        for slot, point in zip(slots[one.label], one.points, strict=False):
            points[row, slot] = point.x, point.y
    return FoundBoxes(
        labels=np.array([spec.index(one.label) for one in found], np.int64),
        scores=np.array([one.score for one in found], np.float64),
        boxes=np.array([one.box for one in found], np.float64).reshape(-1, 4),
        masks=tuple(one.mask for one in found),
        points=points,
    )


def _placed(
    spec: TaskSpec, place: int, garment: Garment, width: int, height: int
) -> _Placed | None:
    """A garment with its place; None where nobody knows it."""
    try:
        mask = garment_mask(garment, width, height)
    except ValueError as error:
        raise SchemaError(f"task '{spec.name}': {error}; see `lapel data check`") from error
    box = garment.box
    if box is None and mask is not None:
        box = mask_box(mask)
    if box is None:
        return None
    return place, garment, Box(*box), None if mask is None else run_lengths_of(mask)


def _points(spec: TaskSpec, garments: Sequence[Garment]) -> NDArray[np.float64]:
    """x, y and state of all points of the task, (G, P, 3)."""
    slots = slots_of(spec)
    points = np.zeros((len(garments), len(spec.point_names), 3))
    for row, one in enumerate(garments):
        for place, (slot, point) in enumerate(zip(slots[one.part], one.points, strict=False)):
            if point is not None:
                points[row, slot] = *point, HIDDEN if place in one.hidden else VISIBLE
    return points


def mask_of_box(box: Box, width: int, height: int) -> RunLengths:
    """All pixels of a box, over its picture."""
    edges = (box.left, box.top, box.right, box.bottom)
    return pasted(np.ones((1, 1), np.float32), edges, width, height)
