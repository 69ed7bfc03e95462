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
    """The known answers of each label by falling probability, sorted once.

    How often each image counts may then change without sorting anew. Answers stand one label
    after another; a *positive* is one that holds.

    Attributes:
        images: how many images there are.
        rows: the image of each answer, int64 (answers,).
        starts: where each label's answers begin, and the end, int64 (labels + 1,).
        positives: the answers that hold, int64 (positives,).
        first: where each label's positives begin, and the end, int64 (labels + 1,).
        end: for each positive, the end of the answers of equal probability, (positives,).
        positive_end: for each positive, the end of the positives among those, (positives,).
    """

    images: int
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    positives: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    positive_end: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        probabilities: NDArray[np.float64],
        target: NDArray[np.uint8],
        known: NDArray[np.bool_],
    ) -> Self:
        """The ranking of probabilities, of what holds, and where that is known, (N, labels)."""
        order = np.argsort(-probabilities.T, axis=1, kind="stable")
        kept = np.take_along_axis(known.T, order, axis=1)
        rows = order[kept]
        starts = np.concatenate([[0], kept.sum(axis=1).cumsum()])
        label = np.repeat(np.arange(len(kept)), np.diff(starts))
        positives = np.flatnonzero(target[rows, label])
        end = _ends_of_equals(probabilities[rows, label], starts)[positives]
        return cls(
            images=len(probabilities),
            rows=rows,
            starts=starts,
            positives=positives,
            first=np.searchsorted(positives, starts),
            end=end,
            positive_end=np.searchsorted(positives, end),
        )

    def average_precision(self, repeats: NDArray[np.int64]) -> NDArray[np.float64]:
        """The average precision of each label.

        Args:
            repeats: how often each image counts, int64 (N,).

        Returns:
            float64 (labels,), 0 to 1; NaN for a label without a positive that counts.
        """
        counted = repeats[self.rows]
        gained = counted[self.positives]
        all_before = np.concatenate([[0], counted.cumsum()])
        gained_before = np.concatenate([[0], gained.cumsum()])
        sizes = np.diff(self.first)
        asked = all_before[self.end] - np.repeat(all_before[self.starts[:-1]], sizes)
        right = gained_before[self.positive_end]
        right -= np.repeat(gained_before[self.first[:-1]], sizes)
        # Where nothing is asked, nothing is gained either.
        shares = gained * right / np.maximum(asked, 1)
        label = np.repeat(np.arange(len(sizes)), sizes)
        summed = np.bincount(label, weights=shares, minlength=len(sizes))
        total = np.diff(gained_before[self.first])
        found = np.full(len(sizes), np.nan)
        np.divide(summed, total, out=found, where=total > 0)
        return found


def _ends_of_equals(
    probability: NDArray[np.float64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each ranked answer, where those of its label and probability end, (answers,)."""
    answers = len(probability)
    last = np.ones(answers, np.bool_)
    last[:-1] = probability[1:] != probability[:-1]
    last[starts[1:][starts[1:] > 0] - 1] = True
    place = np.where(last, np.arange(1, answers + 1), answers)
    # From the bottom up, the nearest end is the least one seen.
    return np.asarray(np.minimum.accumulate(place[::-1])[::-1], np.int64)


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

    def below(self, index: int) -> float:
        """A threshold for that cut: halfway to the next probability, or to 0 below the last."""
        following = self.probability[index + 1] if index + 1 < len(self.probability) else 0.0
        return halfway(float(self.probability[index]), float(following))


def halfway(upper: float, lower: float) -> float:
    """Between two numbers; the upper one where floats have nothing between."""
    middle = (lower + upper) / 2
    return middle if lower < middle else upper


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
