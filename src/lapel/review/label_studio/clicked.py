"""Smart selection: what lies where a person clicked, of what the model sees in the photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.outlines import mask_from
from lapel.review.label_studio.binding import Binding
from lapel.review.label_studio.items import Item, Items
from lapel.review.label_studio.predictions import area, mark_garment, marking
from lapel.schema.geometry import Box
from lapel.schema.prediction import FoundGarment, GarmentsAnswer, Prediction, SegmentationAnswer
from lapel.schema.read_garments import ReadScene

#: In percent of the picture: nobody clicks or draws further away, and from there on numbers end.
FARTHEST = 1e6


def selection_in(context: object, *, width: int, height: int) -> Box | None:
    """Where a person clicked or drew, in pixels: a point has no width and no height.

    Args:
        context: what Label Studio sends beside the task: ``{"result": [ITEM, ...]}``.
        width: of the upright picture, in pixels.
        height: likewise.

    Returns:
        The place of the last item that has one; None where none has.
    """
    results = context.get("result") if isinstance(context, Mapping) else None
    for item in reversed(results if isinstance(results, list) else []):
        value = item.get("value") if isinstance(item, Mapping) else None
        if isinstance(value, Mapping) and {"x", "y"} <= value.keys():
            numbers = [value["x"], value["y"], value.get("width", 0), value.get("height", 0)]
            if not all(_is_number(one) for one in numbers):
                continue
            if "height" not in value:
                numbers[2] = 0  # the width of a key point is how it is drawn
            x, y, across, down = (float(one) / 100 for one in numbers)
            return Box(x * width, y * height, across * width, down * height)
    return None


def _is_number(value: Any) -> bool:  # noqa: ANN401 - what JSON holds
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


def results_at(found: Prediction | ReadScene, binding: Binding, place: Box) -> list[Item]:
    """The garment, or the part of a class, that lies there, as what the configuration can mark.

    Of garments that share the place: for a point the smallest, for a rectangle the one that
    covers most of both together.

    Args:
        found: what the model sees in the photo.
        binding: which control asks what.
        place: from :func:`selection_in`.
    """
    items = Items(found.width, found.height)
    garment = _garment_at(_garments(found), place)
    if garment is not None:
        parent: str | None = None
        for bound in marking(binding):
            marked = mark_garment(items, bound, garment, parent)
            parent = parent or marked
    answers = found.answers if isinstance(found, Prediction) else {}
    for task, answer in answers.items():
        if isinstance(answer, SegmentationAnswer):
            _part_at(items, binding, task, answer, place)
    return items.each


def _garments(found: Prediction | ReadScene) -> list[FoundGarment]:
    if isinstance(found, ReadScene):
        return [one.found for one in found.garments]
    return [
        one
        for answer in found.answers.values()
        if isinstance(answer, GarmentsAnswer)
        for one in answer.each
    ]


def _garment_at(garments: Sequence[FoundGarment], place: Box) -> FoundGarment | None:
    if place.is_real:
        best = max(garments, key=lambda one: _overlap(one.box, place), default=None)
        return best if best is not None and _overlap(best.box, place) > 0 else None
    there = [one for one in garments if _holds(one, place)]
    return min(there, key=lambda one: one.box.width * one.box.height, default=None)


def _holds(garment: FoundGarment, place: Box) -> bool:
    box = garment.box
    inside = box.left <= place.left <= box.right and box.top <= place.top <= box.bottom
    if not inside or garment.mask is None:
        return inside
    mask = mask_from(garment.mask)
    row, column = _pixel(place, mask.shape[0], mask.shape[1])
    return bool(mask[row, column])


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def _part_at(
    items: Items, binding: Binding, task: str, answer: SegmentationAnswer, place: Box
) -> None:
    row, column = _pixel(
        Box(place.left + place.width / 2, place.top + place.height / 2, 0, 0), *answer.mask.shape
    )
    number = int(answer.mask[row, column])
    if number >= len(answer.labels):
        return
    label = answer.labels[number]
    bounds = [
        one for one in binding.of(task, "polygonlabels", "brushlabels") if label in one.labels
    ]
    if bounds:
        part = connected(answer.mask == number, row, column)
        for bound in bounds:
            area(items, bound, label, part)


def connected(mask: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    """The part of a mask (H, W) that hangs together with one of its pixels, by its sides."""
    part = np.zeros_like(mask)
    part[row, column] = mask[row, column]
    while True:
        # Along whole runs of a row, then of a column: as many steps as the shape has bends.
        grown = _along_rows(_along_rows(part, mask).T, mask.T).T
        if np.array_equal(grown, part):
            return part
        part = grown


def _along_rows(part: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The runs of a mask, row by row, that hold a pixel of a part of it."""
    wide = np.pad(mask, ((0, 0), (1, 0)))
    runs = np.cumsum((wide[:, 1:] & ~wide[:, :-1]).ravel())
    held = np.zeros(int(runs[-1]) + 1 if runs.size else 1, np.bool_)
    held[runs[part.ravel()]] = True
    return held[runs].reshape(mask.shape) & mask


def _pixel(place: Box, height: int, width: int) -> tuple[int, int]:
    row, column = int(place.top), int(place.left)
    return min(max(row, 0), height - 1), min(max(column, 0), width - 1)
