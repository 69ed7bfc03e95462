"""How sure a number is: percentile bootstrap intervals over images.

Images are drawn with replacement, as many as there are, and the numbers are computed anew
(Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979).
The interval tells what another draw of such images may give. It knows nothing of another
training run, nor of images of another kind.

Some numbers lean: a resample repeats images, which makes the expected calibration error larger
than it is on all images, and so the average precision of rare labels. And it lacks some of the
labels that few images have, as a rule the weakest, without which a plain mean over labels is
larger. Plain percentiles may then lie wholly above the value. Resamples of such numbers are shifted
so that their mean is the value (the bootstrap's estimate of bias, Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, section 10.2), and end at 0 and 1; where few of them differ,
the value itself is an end of the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

RESAMPLES = 1000
LEVEL = 0.95

#: Resamples whose numbers are found at once: 128 of 40,000 images are 41 MB.
TOGETHER = 128


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resamples:
    """What was measured on all images and on each resample of them.

    Some names stand for one number, others for several, such as one a label.

    Attributes:
        measured: name to the number of all images, float64 (), or to the numbers, (several,).
        drawn: name to the same of each resample, (resamples,) or (resamples, several).
    """

    measured: Mapping[str, NDArray[np.float64]]
    drawn: Mapping[str, NDArray[np.float64]]

    def intervals(
        self, *, level: float = LEVEL, leaning: Collection[str] = ()
    ) -> dict[str, Interval]:
        """Each single number with its percentile interval.

        Args:
            level: share of the resamples inside the interval.
            leaning: names of shares, 0 to 1, whose resamples are to be shifted.
        """
        intervals = {}
        for name, drawn in self.drawn.items():
            if drawn.ndim > 1:
                continue
            value, values = float(self.measured[name]), drawn[np.isfinite(drawn)]
            if name in leaning and len(values):
                low, high = _shifted_percentiles(values, value, level)
            else:
                low, high = _percentiles(values, level)
            intervals[name] = Interval(value=value, low=low, high=high)
        return intervals

    def ends(self, *, level: float = LEVEL) -> dict[str, NDArray[np.float64]]:
        """Of each name of several numbers, ``NAME_low`` and ``NAME_high``: the ends of their
        percentile intervals, float64 (several,); NaN where no resample has the number.

        Args:
            level: share of the resamples inside each interval.
        """
        ends: dict[str, NDArray[np.float64]] = {}
        for name, drawn in self.drawn.items():
            if drawn.ndim > 1:
                both = np.array([_percentiles(column, level) for column in drawn.T])
                ends |= {f"{name}_low": both[:, 0], f"{name}_high": both[:, 1]}
        return ends


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
    _check(images, resamples, level)
    drawn = resample(numbers, images, resamples=resamples, seed=seed)
    return drawn.intervals(level=level, leaning=leaning)


def bootstrap_repeats(
    numbers: Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.float64]]],
    images: int,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
    leaning: Collection[str] = (),
) -> dict[str, Interval]:
    """The same, of numbers that are quicker found for many resamples at once.

    Args:
        numbers: how often each image counts, int64 (resamples, images), to each number of each
            resample, (resamples,). It is asked for ``TOGETHER`` at a time.
        images: as in :func:`bootstrap`, and so the others. The same seed draws the same images.
        resamples: how often to draw.
        level: share of the resamples inside the interval.
        seed: of the draws.
        leaning: names of shares, 0 to 1, whose resamples are to be shifted.

    Raises:
        UsageError: no images, no resamples, or a level outside 0 to 1.
    """
    _check(images, resamples, level)
    drawn = resample_repeats(numbers, images, resamples=resamples, seed=seed)
    return drawn.intervals(level=level, leaning=leaning)


def resample(
    numbers: Callable[[NDArray[np.int64]], Mapping[str, float | NDArray[np.float64]]],
    images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resamples:
    """What :func:`bootstrap` looks at, where some names stand for several numbers each.

    Args:
        numbers: positions of images, int64 (images,), some more than once, to the numbers
            of those images; where there are several of a name, float64 (several,).
        images: how many there are.
        resamples: how often to draw.
        seed: of the draws.

    Raises:
        UsageError: no images, or no resamples.
    """
    _check(images, resamples)
    measured = numbers(np.arange(images))
    drawn = [numbers(rows) for rows in _draws(images, resamples, seed)]
    return Resamples(
        measured={name: np.asarray(value, np.float64) for name, value in measured.items()},
        drawn={name: np.array([one[name] for one in drawn], np.float64) for name in measured},
    )


def resample_repeats(
    numbers: Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.float64]]],
    images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resamples:
    """The same of :func:`bootstrap_repeats`.

    Args:
        numbers: how often each image counts, int64 (resamples, images), to each number of each
            resample, (resamples,), or to several, (resamples, several). It is asked for
            ``TOGETHER`` at a time.
        images: how many there are.
        resamples: how often to draw.
        seed: of the draws.

    Raises:
        UsageError: no images, or no resamples.
    """
    _check(images, resamples)
    every = numbers(np.ones((1, images), np.int64))
    draws = _draws(images, resamples, seed)
    repeats = (np.bincount(rows, minlength=images) for rows in draws)
    parts = [numbers(np.stack(some)) for some in iter(lambda: list(islice(repeats, TOGETHER)), [])]
    return Resamples(
        measured={name: np.asarray(values[0], np.float64) for name, values in every.items()},
        drawn={name: np.concatenate([part[name] for part in parts]) for name in every},
    )


def _check(images: int, resamples: int, level: float = LEVEL) -> None:
    if images < 1 or resamples < 1 or not 0 < level < 1:
        raise UsageError(
            f"intervals need images, resamples and a level between 0 and 1; found {images} "
            f"images, {resamples} resamples, level {level}"
        )


def _draws(images: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield random.integers(images, size=images)


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Between which values a share of the resamples lies, as much on either side of it."""
    # A number may be undefined on some resamples (nothing left to measure): those say nothing.
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _shifted_percentiles(
    values: NDArray[np.float64], value: float, level: float
) -> tuple[float, float]:
    """The same of shares that lean: shifted, and never without the value between them.

    Args:
        values: of the resamples, all finite; at least one.
        value: of all images.
        level: share of the resamples inside.
    """
    # The mean of differences is exactly 0 where no resample differs.
    shifted = np.clip(values - (values - value).mean(), 0.0, 1.0)
    low, high = _percentiles(shifted, level)
    return min(low, value), max(high, value)
