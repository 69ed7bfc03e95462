"""How near answered landmarks lie to the true ones: counts that add up, and the numbers they make.

Rules, stated once:

* *Distance*: ``|| (p - g) / (w, h) ||``, where w and h are the width and height of the garment's
  box: across by the width, down by the height, as the released code of Liu and Lu (2018, doi
  10.1007/978-3-030-11015-4_4) measures on pictures that were cropped to the box and made
  square. mmpose divides both by the longer side instead, which is kinder to long garments.
* *Which points*: those that can be seen. A point that is hidden, cut off, absent, unknown, or
  outside the network's canvas takes no part, as in that code. mmfashion counts invisible points as
  found, at distance 0: its numbers are of another kind.
* *Means*: first over the points of each landmark, then plainly over the landmarks that have any: a
  landmark that is rare counts as much as a common one. No mean of batch means.
* Numbers of no points are NaN: nothing was measured.

Ours differ from that code in one point: it lets answers reach 0 to W - 1 and truth 0 to W, which
moves every answer by up to 1/W of the box. Here both are shares of the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: Distances within which a landmark counts as found. ``pdl``: 10 pixels of a box that is 224
#: pixels wide and high, as mmfashion has it (percentage of detected landmarks, after Liu et al.,
#: "Fashion Landmark Detection in the Wild", 2016, arXiv 1608.03049).
WITHIN: Mapping[str, float] = {"pdl": 10 / 224, "pck10": 0.1, "pck20": 0.2}

#: The area under the share of points found is taken up to this distance.
AREA_UP_TO = 0.2

#: From this probability on an answer says that a landmark can be seen.
SEEN_FROM = 0.5

#: What is summed over images, for each landmark.
SUMS = ("points", "distance", "nearness", *WITHIN, "tp", "fp", "fn", "tn")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerLandmark:
    """Each landmark alone; every array is (landmarks,), in the order of the schema.

    Attributes:
        points: points that were measured.
        ne: mean distance; NaN where there were none.
        pdl: share of the points within 10/224 of the box.
        pck10: share within a tenth of it.
        pck20: share within a fifth.
        auc: area under the share found, for distances from 0 to a fifth, as part of the whole.
        tp: told to be visible, and is so.
        fp: told to be visible, and is not.
        fn: visible, and told not to be.
        tn: neither.
    """

    points: NDArray[np.int64]
    ne: NDArray[np.float64]
    pdl: NDArray[np.float64]
    pck10: NDArray[np.float64]
    pck20: NDArray[np.float64]
    auc: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandmarkCounts:
    """What was counted of some answered images.

    Attributes:
        sums: float64 (len(SUMS), landmarks), a row a name in ``SUMS``.
    """

    sums: NDArray[np.float64]

    def __add__(self, other: Self) -> Self:
        """The counts of both together.

        Raises:
            UsageError: counts of different numbers of landmarks.
        """
        if self.sums.shape != other.sums.shape:
            mine, theirs = self.sums.shape[1], other.sums.shape[1]
            raise UsageError(f"counts of {mine} landmarks cannot be added to counts of {theirs}")
        return type(self)(sums=self.sums + other.sums)

    @property
    def points(self) -> int:
        """How many points were measured."""
        return int(self._row("points").sum())

    def per_landmark(self) -> PerLandmark:
        """Each landmark alone."""
        points = self._row("points")
        return PerLandmark(
            points=self._count("points"),
            ne=_mean(self._row("distance"), points),
            pdl=_mean(self._row("pdl"), points),
            pck10=_mean(self._row("pck10"), points),
            pck20=_mean(self._row("pck20"), points),
            auc=_mean(self._row("nearness"), points),
            tp=self._count("tp"),
            fp=self._count("fp"),
            fn=self._count("fn"),
            tn=self._count("tn"),
        )

    def numbers(self) -> dict[str, float]:
        """``ne`` (less is better), ``pck10``, ``pck20``, ``pdl``, ``auc`` and
        ``visibility_accuracy``; all but the first are shares, 0 to 1.
        """
        each = self.per_landmark()
        there = each.points > 0
        found = {
            name: float(getattr(each, name)[there].mean()) if there.any() else float("nan")
            for name in ("ne", "pck10", "pck20", "pdl", "auc")
        }
        right = each.tp.sum() + each.tn.sum()
        told = right + each.fp.sum() + each.fn.sum()
        return found | {"visibility_accuracy": float(right / told) if told else float("nan")}

    def _row(self, name: str) -> NDArray[np.float64]:
        row: NDArray[np.float64] = self.sums[SUMS.index(name)]
        return row

    def _count(self, name: str) -> NDArray[np.int64]:
        return self._row(name).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocatedImages:
    """What counts are made of, image by image: to resample, to sort, to look at.

    Attributes:
        distance: of each answer from the truth, in boxes, float64 (N, landmarks); NaN where
            nothing is measured.
        visible: whether each landmark can be seen, bool (N, landmarks).
        told: whether anybody knows that, bool (N, landmarks).
        said: the probability that the answer gives it, float64 (N, landmarks).
    """

    distance: NDArray[np.float64]
    visible: NDArray[np.bool_]
    told: NDArray[np.bool_]
    said: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.distance)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which points have a distance, bool (N, landmarks)."""
        return np.isfinite(self.distance)

    @property
    def error(self) -> NDArray[np.float64]:
        """Each image's mean distance over its points, float64 (N,); NaN where it has none."""
        return _mean(np.nansum(self.distance, axis=1), self.measured.sum(axis=1))

    def counts(self) -> LandmarkCounts:
        """The counts of these images."""
        return LandmarkCounts(sums=self.cells().sum(axis=0))

    def cells(self) -> NDArray[np.float64]:
        """What each image adds to each sum, float64 (N, len(SUMS), landmarks)."""
        measured = self.measured
        distance = np.where(measured, self.distance, 0.0)
        positive = self.said >= SEEN_FROM
        rows = [
            measured,
            distance,
            np.where(measured, np.maximum(0.0, 1.0 - distance / AREA_UP_TO), 0.0),
            *(measured & (distance <= limit) for limit in WITHIN.values()),
            self.told & positive & self.visible,
            self.told & positive & ~self.visible,
            self.told & ~positive & self.visible,
            self.told & ~positive & ~self.visible,
        ]
        return np.stack([np.asarray(row, np.float64) for row in rows], axis=1)


def locate(
    places: NDArray[np.float64],
    said: NDArray[np.float64],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> LocatedImages:
    """Answered places against true ones, image by image.

    Args:
        places: x and y, as shares of the canvas, (N, landmarks, 2).
        said: probability that each landmark can be seen, (N, landmarks).
        target: x, y, width and height of the box (all as shares of the canvas), and 1 where it
            can be seen, (N, landmarks, 5).
        weight: whether the place and the visibility are known, (N, landmarks, 2).

    Raises:
        UsageError: shapes that do not fit, or an answer that is no number.
    """
    shapes = (places.shape, target.shape, weight.shape)
    if shapes != tuple((*said.shape, values) for values in (2, 5, 2)):
        raise UsageError(
            f"expected landmarks (images, landmarks, ...), found places {places.shape}, visibility "
            f"{said.shape}, targets {target.shape} and weights {weight.shape}"
        )
    visible = target[..., 4] > 0.5
    placed = (weight[..., 0] > 0) & visible
    told = weight[..., 1] > 0
    if not (np.isfinite(places[placed]).all() and np.isfinite(said[told]).all()):
        raise UsageError("some answers are not finite; the network's weights are unusable")
    truth = target.astype(np.float64)
    # Where nothing is measured the box may have no size: it is not divided by.
    size = np.where(placed[..., None], truth[..., 2:4], 1.0)
    away = np.where(placed[..., None], places - truth[..., :2], 0.0) / size
    distance = np.where(placed, np.hypot(away[..., 0], away[..., 1]), np.nan)
    return LocatedImages(distance=distance, visible=visible, told=told, said=said)


class ResampledLandmarks:
    """The numbers of some images, drawn again and again, measured only once.

    ``bootstrap(ResampledLandmarks(images), len(images))`` gives their intervals.
    """

    def __init__(self, images: LocatedImages) -> None:
        cells = images.cells()
        self._shape = cells.shape[1:]
        self._cells = cells.reshape(len(images), -1)

    def __call__(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """Positions of images, some more than once, to their numbers."""
        repeats = np.bincount(rows, minlength=len(self._cells)).astype(np.float64)
        return LandmarkCounts(sums=(repeats @ self._cells).reshape(self._shape)).numbers()


def shares_found(images: LocatedImages, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each landmark's points that lie within each distance.

    Args:
        images: the answers.
        distances: in boxes, rising, (D,).

    Returns:
        Shares, (landmarks, D); NaN for a landmark without points.
    """
    found = np.full((images.distance.shape[1], len(distances)), np.nan)
    for landmark, column in enumerate(images.distance.T):
        known = np.sort(column[np.isfinite(column)])
        if len(known):
            found[landmark] = np.searchsorted(known, distances, side="right") / len(known)
    return found


def _mean(total: NDArray[np.float64], points: NDArray[Any]) -> NDArray[np.float64]:
    """Total by number of points, NaN where there are none."""
    mean = np.full(len(points), np.nan)
    np.divide(total, points, out=mean, where=points > 0)
    return mean
