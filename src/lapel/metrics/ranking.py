"""How well probabilities rank what holds above what does not: average precision, PR curves.

Average precision is the sum over distinct probabilities, the highest first, of (recall gained)
times (precision so far): no interpolation, equal probabilities are one step, exactly as in
scikit-learn's ``average_precision_score``. Published code that interpolates (VOC's eleven
points), or that takes equal probabilities in the order of the images, gives other values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """The images of each label, ordered once; weights may then change without sorting anew.

    Attributes:
        order: rows by falling probability, int64 (N, labels).
        last: for each place in that order, the last place of equal probability, (N, labels).
    """

    order: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, probabilities: NDArray[np.float64]) -> Self:
        """The ranking of probabilities (N, labels)."""
        images = len(probabilities)
        order = np.argsort(-probabilities, axis=0, kind="stable")
        ranked = np.take_along_axis(probabilities, order, axis=0)
        ends = np.ones(probabilities.shape, np.bool_)
        ends[:-1] = ranked[1:] != ranked[:-1]
        place = np.where(ends, np.arange(images)[:, None], images)
        # From the bottom up, the nearest end is the least one seen.
        last = np.minimum.accumulate(place[::-1], axis=0)[::-1]
        return cls(order=order, last=last)

    def average_precision(
        self, target: NDArray[np.uint8], weight: NDArray[np.number]
    ) -> NDArray[np.float64]:
        """The average precision of each label.

        Args:
            target: 1 where the label holds, (N, labels).
            weight: how often each answer counts, (N, labels); 0 where it is unknown.

        Returns:
            float64 (labels,), 0 to 1; NaN for a label without a positive of any weight.
        """
        counted = np.take_along_axis(weight, self.order, axis=0).astype(np.float64)
        gained = counted * np.take_along_axis(target, self.order, axis=0)
        so_far, all_so_far = gained.cumsum(axis=0), counted.cumsum(axis=0)
        precision = np.divide(so_far, all_so_far, out=np.zeros_like(so_far), where=all_so_far > 0)
        total = gained.sum(axis=0)
        summed = (gained * np.take_along_axis(precision, self.last, axis=0)).sum(axis=0)
        found = np.full(total.shape, np.nan)
        np.divide(summed, total, out=found, where=total > 0)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """One label answered yes from some probability on, for every such probability.

    All arrays are (cuts,), the highest probability first; the labels below are not asked.

    Attributes:
        probability: the least probability that is a yes, float64, falling.
        yes: weight of the images answered yes, float64.
        right: weight of those of them that hold, float64.
        positives: weight of all images that hold.
    """

    probability: NDArray[np.float64]
    yes: NDArray[np.float64]
    right: NDArray[np.float64]
    positives: float

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the yes that hold, 0 to 1, (cuts,)."""
        return np.divide(self.right, self.yes, out=np.zeros_like(self.yes), where=self.yes > 0)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of what holds that is answered yes, 0 to 1, (cuts,); 0 without positives."""
        return self.right / self.positives if self.positives else np.zeros_like(self.right)

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, (cuts,)."""
        both = self.yes + self.positives
        return np.divide(2 * self.right, both, out=np.zeros_like(both), where=both > 0)


def cuts_of(
    probability: NDArray[np.float64], target: NDArray[np.uint8], weight: NDArray[np.number]
) -> Cuts:
    """Every cut of one label; all arguments are (N,), answers of weight 0 take no part.

    ``precision`` and ``recall`` of the result are the precision-recall curve, equal to
    scikit-learn's ``precision_recall_curve`` but for its added end at recall 0 and its order.
    """
    known = weight > 0
    order = np.argsort(-probability[known], kind="stable")
    ranked = probability[known][order]
    counted = weight[known][order].astype(np.float64)
    held = counted * target[known][order]
    ends = np.append(ranked[1:] != ranked[:-1], True) if len(ranked) else np.zeros(0, np.bool_)
    return Cuts(
        probability=ranked[ends],
        yes=counted.cumsum()[ends],
        right=held.cumsum()[ends],
        positives=float(held.sum()),
    )
