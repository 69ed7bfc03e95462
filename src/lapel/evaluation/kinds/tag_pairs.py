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
        true: images that have both, int64 (labels, labels); on the diagonal, all that have it.
        answered: images that are answered both, likewise, of the same images.
        mistaken: images that have the row's label, are not told so, and are told the column's,
            which they have not, int64 (labels, labels); 0 on the diagonal.
    """

    true: NDArray[np.int64]
    answered: NDArray[np.int64]
    mistaken: NDArray[np.int64]

    @classmethod
    def of(cls, images: TaggedImages) -> Self:
        """The pairs of some judged images."""
        truth = images.known & (images.target > 0)
        answer = images.known & images.predicted
        return cls(
            true=_both(truth, truth),
            answered=_both(answer, answer),
            mistaken=_both(truth & ~answer, answer & ~truth),
        )


def _both(rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> NDArray[np.int64]:
    # Sums of 0 and 1 are exact in float32 up to 16 million images, and multiplied quickly.
    counts = rows.astype(np.float32).T @ columns.astype(np.float32)
    return counts.astype(np.int64)


def shares_of_rows(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the images that have the row's label, how many have the column's too; 0 where none do.

    Args:
        counts: ``true`` or ``answered`` of :class:`TagPairs`.
    """
    own = np.diagonal(counts)[:, None]
    return np.divide(counts, own, out=np.zeros(counts.shape), where=own > 0)
