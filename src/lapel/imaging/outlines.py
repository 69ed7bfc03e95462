"""Outlines, run lengths and masks of garments, one as another.

A mask here is bool (H, W) over the upright picture. Outlines become masks by COCO's own rule
(``rleFrPoly`` of ``maskApi.c``, cocodataset/cocoapi), so that areas and boxes are those that its
measures see; run lengths need numpy alone, so that prediction goes without pycocotools.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import MissingExtraError
from lapel.schema.garments import Garment, Point
from lapel.schema.geometry import Box
from lapel.schema.run_lengths import RunLengths, packed

#: The fact of a garment that says how its outlines fill: see ``EVEN_ODD``.
FILL = "fill"

#: What lies in an even number of outlines is no garment: an outline within another is a hole.
#: Without this fact outlines are parts of one garment, and all that any of them holds is garment.
EVEN_ODD = "even-odd"

#: Fewer corners than these enclose nothing.
CORNERS = 3

#: COCO's code counts the steps along an outline in 32 bits: corners farther from the picture than
#: this, in pixels, are pulled to it.
FARTHEST = 100_000.0


def polygon_mask(
    outlines: Sequence[Sequence[Point]], width: int, height: int, *, even_odd: bool = False
) -> NDArray[np.bool_]:
    """What closed polygons hold.

    Args:
        outlines: the corners of each, in pixels from the picture's upper left corner; those of
            fewer than three corners hold nothing.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        even_odd: whether an outline within another is a hole.

    Returns:
        bool (H, W).

    Raises:
        MissingExtraError: pycocotools is not installed.
    """
    flat = [_flat(outline) for outline in outlines if not is_short(outline)]
    if not flat or not (width and height):
        return np.zeros((height, width), np.bool_)
    try:
        from pycocotools import mask as coco  # noqa: PLC0415 - an extra, which prediction lacks
    except ImportError as error:
        raise MissingExtraError(extra="data", need="Outlines as masks") from error
    encoded = coco.frPyObjects(flat, height, width)
    if not even_odd:
        encoded = [coco.merge(encoded)]
    filled = np.zeros((height, width), np.bool_)
    for one in encoded:
        # Not its own decode(), which warns with every numpy from 2 on.
        filled ^= mask_from(RunLengths(height, width, one["counts"].decode()))
    return filled


def _flat(outline: Sequence[Point]) -> list[float]:
    """x, y, x, y, ... of the corners; a triangle at least, since COCO's code takes four numbers
    for a box.
    """
    return [min(max(float(value), -FARTHEST), FARTHEST) for value in chain.from_iterable(outline)]


def garment_mask(garment: Garment, width: int, height: int) -> NDArray[np.bool_] | None:
    """The pixels of a garment.

    Args:
        garment: with a mask, or outlines, or neither.
        width: of the picture, in pixels.
        height: of the picture, in pixels.

    Returns:
        bool (H, W); None where nobody knows: there is no mask, and no outline of three corners.

    Raises:
        ValueError: its mask is of another size than the picture.
        MissingExtraError: it has outlines, and pycocotools is not installed.
    """
    if garment.mask is not None:
        if (garment.mask.width, garment.mask.height) != (width, height):
            raise ValueError(
                f"found a mask of {garment.mask.width} x {garment.mask.height} pixels, expected "
                f"the picture's {width} x {height}"
            )
        return mask_from(garment.mask)
    if all(map(is_short, garment.outlines)):
        return None
    even_odd = garment.facts.get(FILL) == EVEN_ODD
    return polygon_mask(garment.outlines, width, height, even_odd=even_odd)


def run_lengths_of(mask: NDArray[np.bool_]) -> RunLengths:
    """A mask (H, W) as run lengths, packed as COCO packs them."""
    height, width = mask.shape
    down = np.asarray(mask, np.bool_).T.ravel()
    turns = np.flatnonzero(down[1:] != down[:-1]) + 1
    # The first count is of nothing: it is 0 where the first pixel is the garment's.
    first = [0] if down.size and down[0] else []
    edges = np.concatenate([np.asarray([0, *first]), turns, [down.size]])
    return RunLengths(height, width, packed(np.diff(edges).tolist()))


def mask_from(run_lengths: RunLengths) -> NDArray[np.bool_]:
    """Run lengths as a mask, bool (H, W).

    Raises:
        ValueError: counts that do not fill the picture, or a text that packs none.
    """
    lengths = run_lengths.lengths()
    height, width = run_lengths.height, run_lengths.width
    total = sum(lengths)
    if total != height * width or min(lengths, default=0) < 0:
        raise ValueError(f"found counts of {total} pixels, expected {height * width}")
    filled = np.arange(len(lengths)) % 2 == 1
    down = np.repeat(filled, np.asarray(lengths, np.int64))
    return np.ascontiguousarray(down.reshape(width, height).T)


def mask_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box of whole pixels around a mask (H, W); None where it is empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return None
    left, right, top, bottom = (int(one) for one in (columns[0], columns[-1], rows[0], rows[-1]))
    return Box(float(left), float(top), float(right - left + 1), float(bottom - top + 1))


def is_short(outline: Sequence[Point]) -> bool:
    """Whether an outline has too few corners to hold anything."""
    return len(outline) < CORNERS


def encloses(outline: Sequence[Point]) -> bool:
    """Whether the corners of an outline do not all lie on one line."""
    if is_short(outline):
        return False
    (left, top), *others = outline
    far = max(others, key=lambda corner: abs(corner[0] - left) + abs(corner[1] - top))
    across, down = far[0] - left, far[1] - top
    return any((x - left) * down != (y - top) * across for x, y in others)
