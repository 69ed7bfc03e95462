"""The answer that has never seen a picture: the same tags for every photo.

Published models of many tags have been found to say "print, lace, knit" whatever the photo shows,
and to score well by it. So the strongest constant answer stands beside every number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.tags import TaggedImages
from lapel.metrics.thresholds import NEVER

#: Images counted at a time, which bounds memory.
_CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantTags:
    """One set of tags for all images.

    Attributes:
        frequencies: how often each label holds where that is known, with one yes and one no
            added so that nothing is impossible; float64 (labels,).
        chosen: the labels that it says, bool (labels,).
    """

    frequencies: NDArray[np.float64]
    chosen: NDArray[np.bool_]

    def answered(self, target: NDArray[np.uint8], weight: NDArray[np.uint8]) -> TaggedImages:
        """It, as the answer to images of target and weight (N, labels): for its numbers."""
        return TaggedImages(
            probabilities=np.broadcast_to(self.frequencies, target.shape),
            target=target,
            weight=weight,
            thresholds=np.where(self.chosen, 0.0, NEVER),
        )


def best_constant_set(target: NDArray[np.uint8], weight: NDArray[np.uint8]) -> ConstantTags:
    """The k most frequent labels, k chosen for the best mean F1 per image.

    ``k`` may be 0: where most images bear no tag, saying nothing is the strongest. Equal
    frequencies keep the order of the labels; of equally good sets, the smaller is taken.

    Args:
        target: of the images counted (train), 1 where a label holds, uint8 (N, labels).
        weight: 0 where that is unknown, uint8 (N, labels).
    """
    known = weight > 0
    yes = ((target > 0) & known).sum(axis=0)
    frequencies = (yes + 1) / (known.sum(axis=0) + 2)
    order = np.argsort(-frequencies, kind="stable")
    total = np.zeros(len(order) + 1)
    for start in range(0, len(target), _CHUNK):
        rows = slice(start, start + _CHUNK)
        total += _f1_of_prefixes(target[rows][:, order] > 0, known[rows][:, order])
    chosen = np.zeros(len(order), np.bool_)
    chosen[order[: int(total.argmax())]] = True
    return ConstantTags(frequencies=frequencies, chosen=chosen)


def _f1_of_prefixes(truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Summed F1 of images when the first 0, 1, 2, ... labels are said, (labels + 1,)."""
    held = truth & known
    nothing = np.zeros((len(held), 1), np.int64)
    right = np.concatenate([nothing, held.cumsum(axis=1)], axis=1)
    said = np.concatenate([nothing, known.cumsum(axis=1)], axis=1)
    sizes = said + held.sum(axis=1)[:, None]
    f1 = np.divide(2.0 * right, sizes, out=np.ones(sizes.shape), where=sizes > 0)
    return np.asarray(f1[known.any(axis=1)].sum(axis=0), np.float64)
