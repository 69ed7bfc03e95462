"""Tags two by two: which occur together, and which is answered where another is missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.tags import TaggedImages


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TagPairs:
    """Counts of images by pairs of labels; only answers whose truth is known take part.

    Attributes:
        known: images of which both are known, int64 (labels, labels), as all that follow.
        true: that have both; on the diagonal, all that have it.
        true_rows: that have the row's label, whether or not they have the column's.
        answered: that are answered both.
        answered_rows: that are answered the row's, whether or not the column's.
        mistaken: that have the row's label, are not told so, and are told the column's, which they
            have not; 0 on the diagonal.
        missed: that have the row's label and are not told so, whatever is told of the column's.
        invented: that are told the column's label, which they have not, whatever of the row's.
    """

    known: NDArray[np.int64]
    true: NDArray[np.int64]
    true_rows: NDArray[np.int64]
    answered: NDArray[np.int64]
    answered_rows: NDArray[np.int64]
    mistaken: NDArray[np.int64]
    missed: NDArray[np.int64]
    invented: NDArray[np.int64]

    @classmethod
    def of(cls, images: TaggedImages) -> Self:
        """The pairs of some judged images."""
        known = images.known
        truth, answer = known & (images.target > 0), known & images.predicted
        missed, invented = truth & ~answer, answer & ~truth
        return cls(
            known=_both(known, known),
            true=_both(truth, truth),
            true_rows=_both(truth, known),
            answered=_both(answer, answer),
            answered_rows=_both(answer, known),
            mistaken=_both(missed, invented),
            missed=_both(missed, known),
            invented=_both(known, invented),
        )

    @property
    def mistaken_by_chance(self) -> NDArray[np.float64]:
        """How many would be ``mistaken`` if what is missed had nothing to do with what is invented,
        float64 (labels, labels).
        """
        return share_of(self.missed * self.invented, self.known)


def _both(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.int64]:
    # Sums of 0 and 1 are exact in float32 up to 16 million images, and multiplied quickly.
    counts = rows.astype(np.float32).T @ columns.astype(np.float32)
    return counts.astype(np.int64)


def share_of(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Part by whole, (labels, labels) each; 0 where there is nothing to divide by.

    Args:
        part: such as ``true`` of :class:`TagPairs`.
        whole: such as ``true_rows``.
    """
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
