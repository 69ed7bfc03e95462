"""Thresholds of tags for the best mean F1 of images.

Labels take turns, the most frequent first, each moving its threshold to where the mean over
images of the F1 of their sets is best while the others stay, until no label moves (coordinate
ascent). It begins at one threshold for all, which is already best where
the probabilities are right; where they are not, as after learning with weights of classes, the
turns mend them label by label. A threshold of a rare label changes the F1 of few images,
so that chance moves it little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.ranking import halfway

#: Turns of all labels; a handful is enough, and the ascent ends in any case.
_TURNS = 20

#: A gain below this, summed over images, is rounding.
_LEAST_GAIN = 1e-9


def thresholds_for_images(
    probabilities: NDArray[np.float64],
    target: NDArray[np.uint8],
    weight: NDArray[np.uint8],
    *,
    start: float,
) -> NDArray[np.float64]:
    """The thresholds of the labels, float64 (labels,), that no single change makes better.

    Args:
        probabilities: of a yes, float64 (N, labels).
        target: 1 where the label holds, (N, labels).
        weight: 0 where that is unknown, (N, labels).
        start: the threshold to begin at, for all labels.
    """
    sets = _Sets.of(probabilities, target, weight > 0, start)
    thresholds = np.full(probabilities.shape[1], start)
    in_turn = np.argsort(-sets.truth.sum(axis=0), kind="stable")
    for _ in range(_TURNS):
        moves = {int(label): sets.move(int(label)) for label in in_turn}
        moved = {label: place for label, place in moves.items() if place is not None}
        for label, place in moved.items():
            thresholds[label] = place
        if not moved:
            break
    return thresholds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sets:
    """The true and the answered sets of images; ``said`` and the sums change as labels move.

    Attributes:
        probabilities: (N, labels).
        truth: where a label is known to hold, (N, labels).
        known: where that is known, (N, labels).
        said: where the answer is a yes and the truth known, (N, labels).
        right: labels of each image in both sets, int64 (N,).
        sizes: labels of both sets together, int64 (N,).
    """

    probabilities: NDArray[np.float64]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    said: NDArray[np.bool_]
    right: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        probabilities: NDArray[np.float64],
        target: NDArray[np.uint8],
        known: NDArray[np.bool_],
        start: float,
    ) -> _Sets:
        truth, said = (target > 0) & known, (probabilities >= start) & known
        return cls(
            probabilities=probabilities,
            truth=truth,
            known=known,
            said=said,
            right=(truth & said).sum(axis=1),
            sizes=truth.sum(axis=1) + said.sum(axis=1),
        )

    def move(self, label: int) -> float | None:
        """Move a label to its best cut; its new threshold, or None if it stands well."""
        rows = np.flatnonzero(self.known[:, label])
        if not len(rows):
            return None
        order = rows[np.argsort(-self.probabilities[rows, label], kind="stable")]
        gains = np.concatenate([[0.0], self._gains(label)[order].cumsum()])
        ranked = self.probabilities[order, label]
        # A cut lies between two probabilities that differ, above all or below all.
        cuts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1], [True]]))
        best = int(cuts[gains[cuts].argmax()])
        if gains[best] <= gains[int(self.said[:, label].sum())] + _LEAST_GAIN:
            return None
        self._say(label, order[:best])
        return halfway(
            float(ranked[best - 1]) if best else float(np.nextafter(1.0, 2.0)),
            float(ranked[best]) if best < len(ranked) else 0.0,
        )

    def _gains(self, label: int) -> NDArray[np.float64]:
        """How the F1 of each image changes when the label is said, (N,)."""
        truth, said = self.truth[:, label], self.said[:, label]
        right, sizes = self.right - (truth & said), self.sizes - said
        without = np.divide(2.0 * right, sizes, out=np.ones(len(sizes)), where=sizes > 0)
        return np.asarray(2.0 * (right + truth) / (sizes + 1) - without, np.float64)

    def _say(self, label: int, rows: NDArray[np.int64]) -> None:
        """Say the label of these images and of no others."""
        truth, before = self.truth[:, label], self.said[:, label].copy()
        after = np.zeros_like(before)
        after[rows] = True
        change = after.astype(np.int64) - before
        self.right[:] += change * truth
        self.sizes[:] += change
        self.said[:, label] = after
