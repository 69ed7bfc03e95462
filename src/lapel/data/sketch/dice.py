"""Chance, a throw at a time: a generator with the few throws that drawing needs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

#: How fast labels grow rare in an uneven set: the r-th gets a share like 1 / r to this power.
UNEVEN_POWER = 1.2


class Dice:
    """Throws that depend on the seeds alone.

    Args:
        seeds: whole numbers of at least 0; others, another sequence of throws.
        uneven: whether ``label`` favours the first of what it chooses from.
    """

    def __init__(self, *seeds: int, uneven: bool = False) -> None:
        self.generator = np.random.default_rng(seeds)
        self.uneven = uneven

    def between(self, low: float, high: float) -> float:
        """A number, evenly spread."""
        return low + (high - low) * float(self.generator.random())

    def about(self, middle: float, spread: float) -> float:
        """A number around a middle, at most ``spread`` away."""
        return self.between(middle - spread, middle + spread)

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return bool(self.generator.random() < probability)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of several, each as likely."""
        return items[int(self.generator.random() * len(items))]

    def label(self, items: Sequence[Item]) -> Item:
        """One of several: each as likely, or the first far more often in an uneven set."""
        if not self.uneven:
            return self.pick(items)
        weights = [1 / rank**UNEVEN_POWER for rank in range(1, len(items) + 1)]
        steps = list(accumulate(weights))
        return items[bisect_right(steps, self.between(0, steps[-1]), hi=len(items) - 1)]

    def whole(self, stop: int) -> int:
        """A whole number from 0 to below ``stop``."""
        return int(self.generator.random() * stop)
