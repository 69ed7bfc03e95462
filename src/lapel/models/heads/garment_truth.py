"""The garments of a picture as a detector learns them: on the canvas, where it is now.

An annotated garment lies in the pixels of its photo. The canvas shows the photo through a frame,
and an augmentation moves the canvas's contents: both are affine, so one map takes outlines, masks,
boxes and points from the photo to where they are seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.outlines import garment_mask, mask_box, mask_from
from lapel.imaging.preprocess import Frame
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import mirrored
from lapel.schema.labels import TaskSpec
from lapel.tasks.placed_garments import slots_of

#: Pixels of the canvas: what is narrower is not to be seen.
LEAST_SIDE = 1.0

#: A box may reach so far over the canvas, in pixels, and counts as inside: annotations do.
OVER_THE_EDGE = 1.0

#: A map of this little slant keeps upright boxes upright.
SLANT = 1e-6

Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """The garments of one picture, G of them, in pixels of its canvas of H x W.

    Attributes:
        boxes: float32 (G, 4): left, top, right, bottom.
        labels: int64 (G,), positions in the task's labels.
        masks: uint8 (G, H, W), 1 where a garment is.
        masked: bool (G,), whether the mask is known.
        points: float32 (G, P, 2), x and y of each of the task's points.
        placed: bool (G, P), whether the place is known and lies on the canvas.
        visible: bool (G, P), whether nothing hides it.
        crowds: float32 (C, 4), boxes of groups in which nobody told one from another.
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: NDArray[np.uint8]
    masked: NDArray[np.bool_]
    points: NDArray[np.float32]
    placed: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    crowds: NDArray[np.float32]


class _Seen(NamedTuple):
    """One garment on the canvas."""

    garment: Garment
    box: Floats
    mask: NDArray[np.bool_] | None


def truth_of(spec: TaskSpec, garments: Garments, frame: Frame, move: Floats) -> Truth:
    """What a detector is to find in a picture.

    Args:
        spec: the task.
        garments: of the picture, in pixels of the upright photo.
        frame: how the canvas shows it.
        move: (2, 3), from places on the canvas, in shares of it, to where they are now.
    """
    way = way_of(frame, move)
    size = (frame.width, frame.height)
    seen = [one for one in (_seen(each, way, size) for each in garments.each) if one is not None]
    crowds = [one.box for one in seen if one.garment.is_crowd]
    singles = [one for one in seen if not one.garment.is_crowd]
    nothing = np.zeros((frame.height, frame.width), np.bool_)
    masks = [nothing if one.mask is None else one.mask for one in singles]
    points, placed, visible = _points(spec, [one.garment for one in singles], way, size)
    return Truth(
        boxes=_boxes([one.box for one in singles]),
        labels=np.array([spec.index(one.garment.part) for one in singles], np.int64),
        masks=np.array(masks, np.uint8).reshape(-1, frame.height, frame.width),
        masked=np.array([one.mask is not None for one in singles], np.bool_),
        points=points,
        placed=placed,
        visible=visible,
        crowds=_boxes(crowds),
    )


def way_of(frame: Frame, move: Floats) -> Floats:
    """From pixels of the photo to pixels of the canvas after a move: a matrix (2, 3)."""
    size = np.array([frame.width, frame.height], np.float64)
    placement = frame.placement
    scale = np.array([placement.scale_x, placement.scale_y]) / size
    offset = np.array([placement.offset_x, placement.offset_y]) / size
    linear = size[:, None] * move[:, :2]
    return np.column_stack([linear * scale, linear @ offset + size * move[:, 2]])


def _seen(garment: Garment, way: Floats, size: tuple[int, int]) -> _Seen | None:
    """A garment as the canvas shows it; None where it does not."""
    mask = canvas_mask(garment, way, size)
    if mask is not None and not mask.any():
        mask = None
    box = _canvas_box(garment, mask, way, size)
    if box is None or (box[2:] - box[:2]).min() < LEAST_SIDE:
        return None
    return _Seen(garment, box, mask)


def canvas_mask(garment: Garment, way: Floats, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The pixels of a garment on the canvas, bool (H, W); None where nobody knows them.

    Outlines are moved and then filled; masks are looked up at the middles of the canvas's pixels.
    """
    width, height = size
    if garment.mask is not None:
        return _looked_up(mask_from(garment.mask), way, width, height)
    outlines = tuple(
        tuple((float(x), float(y)) for x, y in _through(way, outline))
        for outline in garment.outlines
    )
    return garment_mask(replace(garment, outlines=outlines), width, height)


def _looked_up(mask: NDArray[np.bool_], way: Floats, width: int, height: int) -> NDArray[np.bool_]:
    back = np.linalg.inv(way[:, :2])
    middles = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    places = np.floor((middles - way[:, 2]) @ back.T).astype(np.int64)
    inside = ((places >= 0) & (places < (mask.shape[1], mask.shape[0]))).all(axis=-1)
    shown = np.zeros((height, width), np.bool_)
    column, row = places[inside].T
    shown[inside] = mask[row, column]
    return shown


def _canvas_box(
    garment: Garment, mask: NDArray[np.bool_] | None, way: Floats, size: tuple[int, int]
) -> Floats | None:
    """Left, top, right, bottom on the canvas.

    That is the annotated box where it stays upright and whole; where a turn or the canvas's edge
    changes it, the box of the mask that is left, if there is one.
    """
    moved = None if garment.box is None else _moved_box(garment.box, way)
    if moved is not None:
        upright = abs(way[0, 1]) + abs(way[1, 0]) < SLANT
        whole = moved.min() >= -OVER_THE_EDGE and (moved[2:] <= np.add(size, OVER_THE_EDGE)).all()
        if mask is None or (upright and whole):
            return np.clip(moved, 0, (*size, *size))
    found = None if mask is None else mask_box(mask)
    return None if found is None else np.array([found.left, found.top, found.right, found.bottom])


def _moved_box(box: tuple[float, float, float, float], way: Floats) -> Floats:
    """The upright box around a moved one."""
    left, top, width, height = box
    corners = [(left + x * width, top + y * height) for x in (0, 1) for y in (0, 1)]
    places = _through(way, corners)
    return np.concatenate([places.min(axis=0), places.max(axis=0)])


def _through(way: Floats, points: Sequence[tuple[float, float]]) -> Floats:
    """Points (n, 2) on their way."""
    return np.array(points, np.float64).reshape(-1, 2) @ way[:, :2].T + way[:, 2]


def _points(
    spec: TaskSpec, garments: Sequence[Garment], way: Floats, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Places, whether each is known, and whether nothing hides it; in a mirror, left and right
    change places.
    """
    shape = (len(garments), len(spec.point_names))
    points = np.zeros((*shape, 2), np.float32)
    placed, visible = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    in_mirror = np.linalg.det(way[:, :2]) < 0
    for row, garment in enumerate(garments):
        places = _positions(spec, in_mirror=bool(in_mirror)).get(garment.part, ())
        for number, (place, point) in enumerate(zip(places, garment.points, strict=False)):
            if point is None:
                continue
            points[row, place] = _through(way, [point])[0]
            placed[row, place] = bool(
                (points[row, place] >= 0).all() and (points[row, place] <= size).all()
            )
            visible[row, place] = placed[row, place] and number not in garment.hidden
    return points, placed, visible


@lru_cache(maxsize=8)
def _positions(spec: TaskSpec, *, in_mirror: bool) -> dict[str, tuple[int, ...]]:
    """Label to the positions of its points among all of the task."""
    names = spec.point_names
    other = mirrored(names) if in_mirror else range(len(names))
    return {label: tuple(other[slot] for slot in own) for label, own in slots_of(spec).items()}


def _boxes(boxes: Sequence[Floats]) -> NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)
