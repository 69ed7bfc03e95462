"""A garment where a network's canvas shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.outlines import mask_from, run_lengths_of
from lapel.imaging.preprocess import Frame
from lapel.schema.garments import Garment, Point


def garment_on_canvas(garment: Garment, frame: Frame) -> Garment:
    """A garment in the pixels of a network's canvas.

    Its box is cut off at the canvas's edges, and is None where nothing of it is shown; points and
    outlines may reach beyond; a mask becomes one of the canvas's size, each pixel as the one of the
    original that its centre lies in.

    Args:
        garment: in pixels of the upright original.
        frame: how the canvas shows that.
    """
    place = frame.placement

    def moved(point: Point) -> Point:
        x, y = point
        return x * place.scale_x + place.offset_x, y * place.scale_y + place.offset_y

    mask = garment.mask
    return replace(
        garment,
        box=_shown_box(garment, frame),
        points=tuple(None if point is None else moved(point) for point in garment.points),
        outlines=tuple(tuple(map(moved, outline)) for outline in garment.outlines),
        mask=None if mask is None else run_lengths_of(_shown_mask(mask_from(mask), frame)),
    )


def _shown_box(garment: Garment, frame: Frame) -> tuple[float, float, float, float] | None:
    if garment.box is None:
        return None
    left, top, across, down = garment.box
    place = frame.placement
    begin = left * place.scale_x + place.offset_x, top * place.scale_y + place.offset_y
    end = begin[0] + across * place.scale_x, begin[1] + down * place.scale_y
    x, y = max(0.0, begin[0]), max(0.0, begin[1])
    right, bottom = min(float(frame.width), end[0]), min(float(frame.height), end[1])
    return (x, y, right - x, bottom - y) if right > x and bottom > y else None


def _shown_mask(mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """A mask (H, W) of the original, on the canvas; outside the original there is nothing."""
    place = frame.placement
    column = np.floor((np.arange(frame.width) + 0.5 - place.offset_x) / place.scale_x)
    row = np.floor((np.arange(frame.height) + 0.5 - place.offset_y) / place.scale_y)
    columns, rows = column.astype(np.int64), row.astype(np.int64)
    across = (columns >= 0) & (columns < mask.shape[1])
    down = (rows >= 0) & (rows < mask.shape[0])
    shown = np.zeros((frame.height, frame.width), np.bool_)
    shown[np.ix_(down, across)] = mask[np.ix_(rows[down], columns[across])]
    return shown
