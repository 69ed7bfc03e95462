"""One class a pixel: the label of ``segmentation`` tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.schema.run_lengths import RunLengths, packed

#: The value of a pixel of which nobody knows the class; it takes part in neither loss nor score.
#: Datasets of segmentation call it the ignore index.
UNKNOWN_CLASS = 255

#: What most photos show most of. It is the first label wherever there is one, and drawings leave
#: its pixels as they are.
BACKGROUND = "background"

#: A class is a byte, and one value of it is taken.
MOST_CLASSES = UNKNOWN_CLASS


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """The class of each pixel of a picture.

    Attributes:
        pixels: uint8 (H, W) over the upright picture: positions in ``labels``, or
            ``UNKNOWN_CLASS``.
        labels: names of the classes, in the order of the task's.
    """

    pixels: NDArray[np.uint8]
    labels: tuple[str, ...]

    @property
    def held(self) -> tuple[str, ...]:
        """The classes that some pixel has, in the order of ``labels``."""
        counts = np.bincount(self.pixels.ravel(), minlength=MOST_CLASSES + 1)
        return tuple(name for name, count in zip(self.labels, counts, strict=False) if count)


def lookup(found: Sequence[int], positions: Sequence[int]) -> NDArray[np.uint8]:
    """A table of 256 bytes that takes values of a file to positions in a task's labels.

    Args:
        found: values as a file has them, 0 to 255.
        positions: what each becomes; all others become ``UNKNOWN_CLASS``.
    """
    table = np.full(256, UNKNOWN_CLASS, np.uint8)
    table[list(found)] = list(positions)
    return table


def class_run_lengths(pixels: NDArray[np.uint8]) -> dict[int, RunLengths]:
    """Each value that some pixel has, in rising order, to where it is, packed as COCO packs masks.

    Args:
        pixels: uint8 (H, W).
    """
    height, width = pixels.shape
    # Down the columns from the left, as COCO goes.
    down = pixels.T.ravel()
    turns = np.flatnonzero(down[1:] != down[:-1]) + 1
    starts, ends = np.concatenate([[0], turns]), np.concatenate([turns, [down.size]])
    values = down[starts]
    found = {}
    for value in np.unique(values).tolist():
        mine = values == value
        edges = np.stack([starts[mine], ends[mine]], axis=1).ravel()
        after = [] if edges[-1] == down.size else [down.size]
        counts = np.diff(np.concatenate([[0], edges, after]).astype(np.int64))
        found[value] = RunLengths(height, width, packed(counts.tolist()))
    return found
