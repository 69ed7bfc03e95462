"""How well the class of each pixel is told: counts that add up, and the numbers they make.

Rules, stated once:

* *Known*: pixels of unknown class (the ignore index) take part in nothing.
* *IoU* of a class: pixels that are of it and are called so, by pixels of which either holds, all
  images in one pot. ``miou`` is the plain mean over the classes that the truth has. A class that no
  pixel is of has none, and is left out; pixels that are called so all the same count against the
  class that they are of.
* *Accuracy*: of all pixels in one pot, and the mean over the classes that the truth has.
* The four numbers are those of Long, Shelhamer and Darrell, "Fully Convolutional Networks for
  Semantic Segmentation" (2015, arXiv 1411.4038), section 5.
* *Boundary F1*: the BF score of Csurka, Larlus and Perronnin, "What is a good evaluation measure
  for semantic segmentation?" (BMVC 2013): the mean over images of the mean over the classes that
  the truth of the image has. See ``lapel.metrics.boundaries``.
* Numbers of no images are NaN: nothing was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.boundaries import boundary_scores
from lapel.schema.errors import UsageError
from lapel.schema.masks import UNKNOWN_CLASS

#: Numbers that lean on resamples; see ``lapel.metrics.bootstrap``.
LEANING = ("miou", "mean_accuracy")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerClassPixels:
    """Each class against all others; every array is (L,), in the order of the schema.

    Attributes:
        right: pixels of this class that are called so.
        true: pixels of this class.
        answered: pixels that are called so.
        images: images in whose truth it occurs.
        iou: intersection over union; NaN where no pixel is of it.
        precision: right / answered, 0 where never called.
        recall: right / true, 0 where never seen.
        f1: 2 right / (true + answered), also called Dice; 0 where neither.
        boundary_f1: mean over its images; NaN where it has none.
    """

    right: NDArray[np.int64]
    true: NDArray[np.int64]
    answered: NDArray[np.int64]
    images: NDArray[np.int64]
    iou: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    boundary_f1: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentationCounts:
    """What was counted of some answered images.

    Attributes:
        confusion: int64 (L, L): pixels of true class (row) called so (column).
        images: int64 (L,), images in whose truth each class occurs.
        boundary: float64 (L,), the sum over them of the class's boundary F1.
        judged: images with a pixel of known class.
        boundary_means: the sum over them of the mean boundary F1 of their classes.
    """

    confusion: NDArray[np.int64]
    images: NDArray[np.int64]
    boundary: NDArray[np.float64]
    judged: int
    boundary_means: float

    @classmethod
    def none(cls, classes: int) -> Self:
        """The counts of no images."""
        return cls(
            confusion=np.zeros((classes, classes), np.int64),
            images=np.zeros(classes, np.int64),
            boundary=np.zeros(classes),
            judged=0,
            boundary_means=0.0,
        )

    def __add__(self, other: Self) -> Self:
        """The counts of both together.

        Raises:
            UsageError: counts of different numbers of classes.
        """
        if self.confusion.shape != other.confusion.shape:
            mine, theirs = len(self.confusion), len(other.confusion)
            raise UsageError(f"counts of {mine} classes cannot be added to counts of {theirs}")
        return type(self)(
            confusion=self.confusion + other.confusion,
            images=self.images + other.images,
            boundary=self.boundary + other.boundary,
            judged=self.judged + other.judged,
            boundary_means=self.boundary_means + other.boundary_means,
        )

    def per_class(self) -> PerClassPixels:
        """Each class against all others."""
        right = np.diagonal(self.confusion).copy()
        true, answered = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return PerClassPixels(
            right=right,
            true=true,
            answered=answered,
            images=self.images,
            iou=_ious(right, true, answered),
            precision=np.nan_to_num(_share(right, answered)),
            recall=np.nan_to_num(_share(right, true)),
            f1=np.nan_to_num(_share(2 * right, true + answered)),
            boundary_f1=_share(self.boundary, self.images),
        )

    def numbers(self) -> dict[str, float]:
        """``miou``, ``weighted_iou``, ``pixel_accuracy``, ``mean_accuracy`` and ``boundary_f1``;
        shares, 0 to 1.
        """
        right = np.diagonal(self.confusion)
        true, answered = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        means = np.asarray(self.boundary_means)
        found = _numbers(right, true, answered, means, np.asarray(self.judged))
        return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedImage:
    """One answer beside the truth.

    Attributes:
        confusion: int64 (L, L): pixels of true class (row) called so (column).
        boundary: float64 (L,), boundary F1; NaN where the truth lacks the class.
    """

    confusion: NDArray[np.int64]
    boundary: NDArray[np.float64]

    def counts(self) -> SegmentationCounts:
        """Its counts."""
        there = self.confusion.sum(axis=1) > 0
        return SegmentationCounts(
            confusion=self.confusion,
            images=there.astype(np.int64),
            boundary=np.where(there, self.boundary, 0.0),
            judged=int(there.any()),
            boundary_means=float(self.boundary[there].mean()) if there.any() else 0.0,
        )


def segment(
    predicted: NDArray[np.uint8], target: NDArray[np.uint8], classes: int
) -> SegmentedImage:
    """Answered classes against true ones.

    Args:
        predicted: uint8 (H, W), each below ``classes``.
        target: uint8 (H, W), likewise or ``UNKNOWN_CLASS``.
        classes: how many there are.

    Raises:
        UsageError: shapes that do not fit, or what is no class.
    """
    known = target != UNKNOWN_CLASS
    _check(predicted, target, known, classes)
    pairs = target[known].astype(np.int64) * classes + predicted[known]
    confusion = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    return SegmentedImage(confusion=confusion, boundary=boundary_scores(predicted, target, classes))


def _check(
    predicted: NDArray[np.uint8], target: NDArray[np.uint8], known: NDArray[np.bool_], classes: int
) -> None:
    if predicted.shape != target.shape or predicted.ndim != 2:
        raise UsageError(
            f"expected masks (H, W) of one size, found {predicted.shape} and {target.shape}"
        )
    for what, values in (("answered", predicted[known]), ("true", target[known])):
        if values.size and int(values.max()) >= classes:
            raise UsageError(
                f"found {what} class {int(values.max())}, expected 0 to {classes - 1}, or "
                f"{UNKNOWN_CLASS} for unknown in the truth"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentedImages:
    """What numbers are made of, image by image: to resample, to sort, to look at.

    Attributes:
        right: int64 (N, L), pixels of each class that are called so.
        true: int64 (N, L), pixels of each class.
        answered: int64 (N, L), pixels that are called so.
        boundary: float32 (N, L), boundary F1; NaN where the truth lacks the class.
    """

    right: NDArray[np.int64]
    true: NDArray[np.int64]
    answered: NDArray[np.int64]
    boundary: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.right)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Of each image and class, float64 (N, L); NaN where the truth lacks the class."""
        return _ious(self.right, self.true, self.answered)

    @property
    def mean_iou(self) -> NDArray[np.float64]:
        """Of each image, the mean over the classes that its truth has, float64 (N,)."""
        return _mean(self.iou)

    @property
    def mean_boundary(self) -> NDArray[np.float64]:
        """Of each image, the mean boundary F1 over those classes, float64 (N,)."""
        return _mean(self.boundary.astype(np.float64))


class SegmentationTally:
    """Answers counted as they come: in one pot, and image by image.

    Attributes:
        counts: of all of them.
    """

    def __init__(self, classes: int) -> None:
        self.counts = SegmentationCounts.none(classes)
        self._rows: list[NDArray[np.float64]] = []
        self._shape = (0, 4, classes)

    def add(self, image: SegmentedImage) -> None:
        """Count an image; of its confusion only the sums are kept."""
        self.counts += image.counts()
        confusion = image.confusion
        sums = (np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0))
        self._rows.append(np.stack([*sums, image.boundary]))

    def images(self) -> SegmentedImages:
        """All of them, in the order in which they came."""
        rows = np.stack(self._rows) if self._rows else np.empty(self._shape)
        right, true, answered = (rows[:, place].astype(np.int64) for place in range(3))
        boundary = rows[:, 3].astype(np.float32)
        return SegmentedImages(right=right, true=true, answered=answered, boundary=boundary)


class ResampledSegmentation:
    """The numbers of some images, drawn again and again, measured only once.

    ``bootstrap_repeats(ResampledSegmentation(images), len(images), leaning=LEANING)`` gives their
    intervals.
    """

    def __init__(self, images: SegmentedImages) -> None:
        # float64 multiplies by BLAS, and is exact up to 2**53 pixels.
        self._right = images.right.astype(np.float64)
        self._true = images.true.astype(np.float64)
        self._answered = images.answered.astype(np.float64)
        self._boundary = np.nan_to_num(images.mean_boundary)
        self._judged = np.isfinite(images.mean_boundary).astype(np.float64)

    def __call__(self, repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """How often each image counts, int64 (resamples, N), to each number (resamples,)."""
        times = repeats.astype(np.float64)
        return _numbers(
            times @ self._right,
            times @ self._true,
            times @ self._answered,
            times @ self._boundary,
            times @ self._judged,
        )


def _numbers(
    right: NDArray[Any],
    true: NDArray[Any],
    answered: NDArray[Any],
    boundary_means: NDArray[Any],
    judged: NDArray[Any],
) -> dict[str, NDArray[np.float64]]:
    """Sums over images, of classes (..., L) or of images (...,), to numbers (...,)."""
    ious, total = _ious(right, true, answered), true.sum(axis=-1)
    return {
        "miou": _mean(ious),
        "weighted_iou": _share((true * np.nan_to_num(ious)).sum(axis=-1), total),
        "pixel_accuracy": _share(right.sum(axis=-1), total),
        "mean_accuracy": _mean(_share(right, true)),
        "boundary_f1": _share(boundary_means, judged),
    }


def _ious(right: NDArray[Any], true: NDArray[Any], answered: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union; NaN where no pixel is of the class."""
    return _share(right, np.where(true > 0, true + answered - right, 0))


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Part by whole, NaN where the whole is 0."""
    found = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean along the last axis of what is a number; NaN where nothing is."""
    there = np.isfinite(values)
    return _share(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1))
