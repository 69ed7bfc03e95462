"""Average precision of ranked answers, as COCO defines it: counts of matches in, numbers out.

COCO's, not VOC's: precision is made to fall (at each recall the best that any lower threshold
reaches), read at 101 recalls from 0 to 1, and averaged; then plainly over the categories that
occur. Source: ``accumulate`` of ``cocoeval.py``, cocodataset/cocoapi. Ours is a few array
operations, so that a thousand resamples of the images cost seconds; tests hold it to pycocotools'
own numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: From this overlap on an answer matches, one after the other: 0.5, 0.55, ..., 0.95.
OVERLAPS = np.linspace(0.5, 0.95, 10)

#: What is reported of one overlap alone, by its place in ``OVERLAPS``.
ALONE: Mapping[str, int] = {"ap50": 0, "ap75": 5}

#: Where precision is read.
RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranked:
    """Answers of one category, the surest first, among those of equal sureness the earlier image.

    Attributes:
        image: of each answer, by number, int64 (D,).
        right: whether it matches a garment at each overlap, bool (D, overlaps).
        wrong: whether it matches none, likewise; answers that are neither take no part.
        there: the image of each garment to be found, int64 (G,).
    """

    image: NDArray[np.int64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    there: NDArray[np.int64]

    def average_precisions(self, repeats: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Average precision at each overlap, float64 (overlaps,); NaN where nothing is to be found.

        Args:
            repeats: how often each image counts, float64 (images,); None: once.
        """
        every = len(self.there) if repeats is None else float(repeats[self.there].sum())
        if not every:
            return np.full(self.right.shape[1], np.nan)
        weight = 1.0 if repeats is None else repeats[self.image][:, None]
        right = np.cumsum(self.right * weight, axis=0, dtype=np.float64)
        wrong = np.cumsum(self.wrong * weight, axis=0, dtype=np.float64)
        precision = right / (right + wrong + np.spacing(1))
        best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        recall = right / every
        return np.array(
            [_area(recall[:, place], best[:, place]) for place in range(recall.shape[1])]
        )


def _area(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """The mean of precision at ``RECALLS``; recalls that are not reached have 0."""
    place = np.searchsorted(recall, RECALLS, side="left")
    reached = precision[place[place < len(precision)]]
    return float(reached.sum() / len(RECALLS))


def mean_numbers(each: NDArray[np.float64]) -> dict[str, float]:
    """``ap``, ``ap50`` and ``ap75`` from average precisions (categories, overlaps); categories that
    do not occur are NaN and take no part. NaN where none occurs.
    """
    known = each[np.isfinite(each).all(axis=1)]
    if not len(known):
        return dict.fromkeys(("ap", *ALONE), float("nan"))
    alone = {name: float(known[:, place].mean()) for name, place in ALONE.items()}
    return {"ap": float(known.mean())} | alone
