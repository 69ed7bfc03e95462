"""The answer about pixels that never looks: each place's most frequent class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.gathering import Counted
from lapel.evaluation.known_labels import known_to
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.tasks.segmentation import SegmentationTask

#: Pictures that are counted, spread evenly over all that have a label map: more change little.
MOST_COUNTED = 2000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UsualClasses:
    """Which class each place of the canvas mostly has.

    Attributes:
        places: uint8 (H, W), the most frequent class of each place of the canvas; where none is
            ever known, the most frequent of all.
        most: the most frequent class of all.
        pictures: how many were counted.
    """

    places: NDArray[np.uint8]
    most: int
    pictures: int

    @classmethod
    def of(cls, task: SegmentationTask, counted: Counted) -> Self:
        """Count label maps as the canvas shows them."""
        rows, preprocess = counted.rows, counted.preprocess
        known = np.flatnonzero(rows.table[task.spec.name].is_not_null().to_numpy())
        chosen = known[:: max(1, -(-len(known) // MOST_COUNTED))]
        labels, boxes = rows.labels(task.spec.name), rows.boxes()
        sizes = rows.table.select("width", "height").rows()
        canvas = (preprocess.height, preprocess.width)
        counts = np.zeros((len(task.spec.labels), *canvas), np.uint16)
        for row in chosen.tolist():
            (label,) = known_to([labels[row]], task.spec)
            width, height = sizes[row]
            target = task.target(label, preprocess.frame(width, height, boxes[row]))
            there = np.nonzero(target != UNKNOWN_CLASS)
            counts[target[there], *there] += 1
        most = int(counts.sum(axis=(1, 2), dtype=np.int64).argmax())
        places = counts.argmax(axis=0).astype(np.uint8)
        places[~counts.any(axis=0)] = most
        return cls(places=places, most=most, pictures=len(chosen))
