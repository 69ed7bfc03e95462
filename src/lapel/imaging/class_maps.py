"""Logits of classes to the class of each pixel, at any size, without the memory of all classes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Pixels that are worked on at a time. Each takes 14 bytes meanwhile (logits of a class twice, the
#: highest so far, which class, where it changes), whatever the size of the map.
BAND = 1 << 19

#: Left, top, right and bottom, in logits.
Part = tuple[float, float, float, float]


def class_map(
    logits: NDArray[np.float32],
    size: tuple[int, int],
    box: Part | None = None,
    *,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Resize logits and take the highest of each pixel.

    Logits are resized, not classes, so that outlines run between the pixels of the logits. Larger,
    they are those of a bilinear resize whose corners are not aligned; smaller, they are averaged.

    Args:
        logits: float32 (L, h, w), of up to 256 classes.
        size: width and height of the map.
        box: left, top, right and bottom of the part of the logits that the map shows, in pixels of
            theirs; None: all.
        out: where the map goes, uint8 (H, W), perhaps a part of a larger one; None: anew.

    Returns:
        uint8 (H, W): the place of the highest of the L, among equals the first.
    """
    _, rows, columns = logits.shape
    left, top, right, bottom = box or (0.0, 0.0, float(columns), float(rows))
    width, height = size
    found = np.empty((height, width), np.uint8) if out is None else out
    high, down = max(1, BAND // width), (bottom - top) / height
    for first in range(0, height, high):
        last = min(first + high, height)
        end = bottom if last == height else top + last * down
        part = (left, top + first * down, right, end)
        _highest(*_around(logits, part, max(1.0, down)), found[first:last])
    return found


def _around(
    logits: NDArray[np.float32], part: Part, reach: float
) -> tuple[NDArray[np.float32], Part]:
    """The rows of logits that a part is resized from, and where in them it lies.

    Args:
        logits: float32 (L, h, w).
        part: of them.
        reach: how far beyond its edges a bilinear resize looks, in rows.
    """
    left, top, right, bottom = part
    first = max(0, math.floor(top - reach))
    last = min(logits.shape[1], math.ceil(bottom + reach))
    return logits[:, first:last], (left, top - first, right, bottom - first)


def _highest(logits: NDArray[np.float32], part: Part, out: NDArray[np.uint8]) -> None:
    """The place of the highest of the logits for each pixel of a band (H, W)."""
    size = out.shape[1], out.shape[0]

    def resized(plane: NDArray[np.float32]) -> Image.Image:
        image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
        return image.resize(size, Image.Resampling.BILINEAR, box=part)

    best = np.array(resized(logits[0]))
    out[...] = 0
    for place, plane in enumerate(logits[1:], start=1):
        values = np.asarray(resized(plane))
        np.copyto(out, place, where=values > best)
        np.maximum(best, values, out=best)
