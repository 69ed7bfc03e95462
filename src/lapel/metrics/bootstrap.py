"""How sure a number is: percentile bootstrap intervals over images.

Images are drawn with replacement, as many as there are, and the numbers are computed anew
(Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979).
The interval tells what another draw of such images may give. It knows nothing of another
training run, nor of images of another kind.

Some numbers lean: a resample repeats images, which makes the expected calibration error larger
than it is on all images, and so the average precision of rare labels, so that plain percentiles
may lie wholly above the value. Resamples of such numbers are shifted so that their mean is the
value (the bootstrap's estimate of bias, Efron and Tibshirani, "An Introduction to the Bootstrap",
1993, section 10.2), and end at 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number and where it may lie.

    Attributes:
        value: the number measured on all images.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """``value``, ``low`` and ``high``."""
        return {"value": self.value, "low": self.low, "high": self.high}


def bootstrap(
    numbers: Callable[[NDArray[np.int64]], Mapping[str, float]],
    images: int,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
    leaning: Collection[str] = (),
) -> dict[str, Interval]:
    """Every number of some images, with its percentile interval.

    Args:
        numbers: positions of images, int64 (images,), some more than once, to the numbers
            of those images.
        images: how many there are.
        resamples: how often to draw; 1,000 fix the ends of a 95 % interval to about a
            thirtieth of its width.
        level: share of the resamples inside the interval.
        seed: the same seed gives the same interval.
        leaning: names of shares, 0 to 1, whose resamples are to be shifted.

    Raises:
        UsageError: no images, no resamples, or a level outside 0 to 1.
    """
    if images < 1 or resamples < 1 or not 0 < level < 1:
        raise UsageError(
            f"intervals need images, resamples and a level between 0 and 1; found {images} "
            f"images, {resamples} resamples, level {level}"
        )
    measured = numbers(np.arange(images))
    random = np.random.default_rng(seed)
    drawn = [numbers(random.integers(images, size=images)) for _ in range(resamples)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    intervals = {}
    for name, value in measured.items():
        # A number may be undefined on some resamples (nothing left to measure): those say nothing.
        values = np.array([resample[name] for resample in drawn])
        values = values[np.isfinite(values)]
        if name in leaning and len(values):
            values = np.clip(values - values.mean() + value, 0.0, 1.0)
        low, high = np.quantile(values, tails) if len(values) else (np.nan, np.nan)
        intervals[name] = Interval(value=float(value), low=float(low), high=float(high))
    return intervals
