"""A small mask of what is in a box, laid over the photo that the box is in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.garment import Edges
from lapel.schema.run_lengths import RunLengths, packed

#: From this chance on a pixel is the garment's, as in Mask R-CNN (He et al. 2017, arXiv 1703.06870,
#: appendix A).
INSIDE = 0.5


def pasted(chances: NDArray[np.float32], box: Edges, width: int, height: int) -> RunLengths:
    """What a box holds, as a mask over the whole picture.

    A pixel takes the chance at its centre, between the centres of the small mask's pixels
    bilinearly, and near the box's edge that of the outermost one. Only the part within the box is
    worked on: two bytes a pixel of it beside its chances, whatever the picture's size.

    Args:
        chances: that a place in the box is the garment's, float32 (h, w), 0 to 1, over the box.
        box: left, top, right and bottom, in continuous pixels of the picture; it may reach beyond.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    left, top = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    right, bottom = min(width, math.ceil(box[2])), min(height, math.ceil(box[3]))
    if right <= left or bottom <= top or box[2] <= box[0] or box[3] <= box[1]:
        return RunLengths(height, width, packed([height * width]))
    across, down = chances.shape[1] / (box[2] - box[0]), chances.shape[0] / (box[3] - box[1])
    # Pillow takes a pixel's centre through this map, and what lies outside is 0.
    way = (across, 0.0, (left - box[0]) * across, 0.0, down, (top - box[1]) * down)
    part = Image.fromarray(np.ascontiguousarray(chances, np.float32)).transform(
        (right - left, bottom - top), Image.Transform.AFFINE, way, Image.Resampling.BILINEAR
    )
    return _placed(np.asarray(part) >= INSIDE, left, top, width, height)


def _placed(part: NDArray[np.bool_], left: int, top: int, width: int, height: int) -> RunLengths:
    """A mask of a part of a picture, with its upper left corner there, as run lengths."""
    walls = np.zeros((part.shape[1], part.shape[0] + 2), np.int8)
    walls[:, 1:-1] = part.T
    turns = np.diff(walls, axis=1)
    begins, ends = (
        (left + column) * height + top + row
        for column, row in (np.nonzero(turns == 1), np.nonzero(turns == -1))
    )
    # Of a picture's full height, a run that ends a column goes on in the next.
    goes_on = begins[1:] == ends[:-1]
    begins = begins[np.concatenate([[True], ~goes_on])] if len(begins) else begins
    ends = ends[np.concatenate([~goes_on, [True]])] if len(ends) else ends
    edges = np.stack([begins, ends], axis=1).ravel()
    counts = np.diff(np.concatenate([[0], edges, [width * height]]))
    if len(edges) and not counts[-1]:
        counts = counts[:-1]
    return RunLengths(height, width, packed(counts.tolist()))
