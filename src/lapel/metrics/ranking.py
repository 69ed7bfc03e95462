"""How well probabilities rank what holds above what does not: average precision, PR curves.

Average precision is the sum over distinct probabilities, the highest first, of (recall gained)
times (precision so far): no interpolation, equal probabilities are one step, exactly as in
scikit-learn's ``average_precision_score``. Published code that interpolates (VOC's eleven
points), or that takes equal probabilities in the order of the images, gives other values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

#: Answers that are summed at a time: with their order they stay in a core's cache.
CACHED = 1 << 16


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
            repeats: how often each image counts, int64 (N,), or (resamples, N) for several
                answers at once, which is many times quicker than one after another.

        Returns:
            float64 (labels,) or (resamples, labels), 0 to 1; NaN for a label without a positive
            that counts.
        """
        lanes = Lanes.of(np.atleast_2d(repeats))
        counted, asked = self._counted_and_asked(lanes)
        found = np.full((lanes.rows, len(self.first) - 1), np.nan)
        for labels in _blocks(self.first, CACHED // 4):
            found[:, labels] = self._average_precision(labels, lanes, counted, asked)
        return found.reshape(*repeats.shape[:-1], -1)

    def _counted_and_asked(self, lanes: Lanes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """How often each positive counts, and how often all answers do that are at least as
        probable as it; (words, positives), packed.
        """
        counted = np.empty((len(lanes.words), len(self.positives)), np.uint64)
        asked = np.empty(counted.shape, np.uint64)
        begins = np.repeat(self.starts[:-1], np.diff(self.first))
        step = max(1, CACHED // max(1, self.images))
        # All labels for a few words before the next ones: those few stay in the core's cache.
        for at in range(0, len(lanes.words), step):
            words = lanes.words[at : at + step]
            for labels in _blocks(self.starts, CACHED):
                rows = slice(self.starts[labels.start], self.starts[labels.stop])
                here = slice(self.first[labels.start], self.first[labels.stop])
                taken = words.take(self.rows[rows], axis=1)
                sums = _sums_before(taken)
                counted[at : at + step, here] = taken[:, self.positives[here] - rows.start]
                asked[at : at + step, here] = sums[:, self.end[here] - rows.start]
                asked[at : at + step, here] -= sums[:, begins[here] - rows.start]
        return counted, asked

    def _average_precision(
        self,
        labels: slice,
        lanes: Lanes,
        counted: NDArray[np.uint64],
        asked: NDArray[np.uint64],
    ) -> NDArray[np.float64]:
        """The average precision of some labels, (resamples, those labels)."""
        first = self.first[labels.start : labels.stop + 1] - self.first[labels.start]
        here = slice(self.first[labels.start], self.first[labels.stop])
        sizes = np.diff(first)
        gained_before = _sums_before(counted[:, here])
        right = gained_before[:, self.positive_end[here] - here.start]
        right -= np.repeat(gained_before[:, first[:-1]], sizes, axis=1)
        gained = lanes.unpacked(counted[:, here])
        # Where nothing is asked, nothing is gained either.
        shares = gained * lanes.unpacked(right) / np.maximum(lanes.unpacked(asked[:, here]), 1)
        total = lanes.unpacked(np.diff(gained_before[:, first], axis=1))
        found = np.full(total.shape, np.nan)
        there = sizes > 0
        if there.any():
            # The labels that have positives follow one another: each ends where the next begins.
            found[:, there] = np.add.reduceat(shares, first[:-1][there], axis=1)
        averages = np.full(total.shape, np.nan)
        np.divide(found, total, out=averages, where=total > 0)
        return averages


def _blocks(ends: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Labels next to one another that have so many things together, or one label that has more.

    Args:
        ends: where each label's things begin, and the end, int64 (labels + 1,).
        most: things together.
    """
    begin, labels = 0, len(ends) - 1
    while begin < labels:
        fitting = int(np.searchsorted(ends, ends[begin] + most, side="right")) - 1
        end = min(max(fitting, begin + 1), labels)
        yield slice(begin, end)
        begin = end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lanes:
    """How often images count in several resamples, side by side in the bits of whole numbers.

    The sum over all images of one resample fits its bits, so that one addition adds for several
    resamples at once; differences of sums are exact, too, since whole numbers wrap around.

    Attributes:
        words: uint64 (words, N).
        bits: of one resample in a word.
        rows: how many resamples there are.
    """

    words: NDArray[np.uint64]
    bits: int
    rows: int

    @classmethod
    def of(cls, repeats: NDArray[np.int64]) -> Self:
        """Of how often each image counts, (resamples, N)."""
        bits = max(1, int(repeats.sum(axis=1).max(initial=0)).bit_length())
        lanes = 64 // bits
        words = np.zeros((-(-len(repeats) // lanes), repeats.shape[1]), np.uint64)
        for lane in range(lanes):
            part = repeats[lane::lanes].astype(np.uint64)
            words[: len(part)] |= part << np.uint64(lane * bits)
        return cls(words=words, bits=bits, rows=len(repeats))

    def unpacked(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Packed numbers (words, k) as int64 (resamples, k)."""
        lanes, mask = 64 // self.bits, np.uint64((1 << self.bits) - 1)
        found = np.empty((len(words) * lanes, words.shape[1]), np.int64)
        for lane in range(lanes):
            found[lane::lanes] = (words >> np.uint64(lane * self.bits)) & mask
        return found[: self.rows]


def _sums_before(counted: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The sum of what stands before each place of each row, and of all: (rows, k + 1)."""
    sums = np.zeros((len(counted), counted.shape[1] + 1), np.uint64)
    np.cumsum(counted, axis=1, out=sums[:, 1:])
    return sums


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
