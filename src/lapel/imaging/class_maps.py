"""Logits of classes to the class of each pixel, at any size, without the memory of all classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Pixels that are worked on at a time. Each takes 14 bytes meanwhile (logits of a class twice, the
#: highest so far, which class, where it changes), whatever the size of the map.
BAND = 1 << 20


def class_map(
    logits: NDArray[np.float32],
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Resize logits and take the highest of each pixel.

    Logits are resized, not classes, so that outlines run between the pixels of the logits. Larger,
    they are those of a bilinear resize whose corners are not aligned; smaller, they are averaged.

    Args:
        logits: float32 (L, h, w), of up to 256 classes.
        size: width and height of the map.
        box: left, top, right and bottom of the part of the logits that the map shows, in pixels of
            theirs; None: all.

    Returns:
        uint8 (H, W): the place of the highest of the L, among equals the first.
    """
    _, rows, columns = logits.shape
    left, top, right, bottom = box or (0.0, 0.0, float(columns), float(rows))
    width, height = size
    planes = [Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in logits]
    high, down = max(1, BAND // width), (bottom - top) / height
    found = np.empty((height, width), np.uint8)
    for first in range(0, height, high):
        last = min(first + high, height)
        end = bottom if last == height else top + last * down
        part = (left, top + first * down, right, end)
        found[first:last] = _highest(planes, (width, last - first), part)
    return found


def _highest(
    planes: list[Image.Image], size: tuple[int, int], part: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """The place of the highest plane of each pixel of a band."""
    best = np.array(planes[0].resize(size, Image.Resampling.BILINEAR, box=part))
    found = np.zeros(best.shape, np.uint8)
    for place, plane in enumerate(planes[1:], start=1):
        values = np.asarray(plane.resize(size, Image.Resampling.BILINEAR, box=part))
        np.copyto(found, place, where=values > best)
        np.maximum(best, values, out=best)
    return found
