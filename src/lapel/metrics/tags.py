"""How well any of several labels are told: tags judged label by label and image by image.

Rules, stated once:

* *Unknown*: an answer of weight 0 takes part in nothing. An image without a known answer takes
  no part in numbers of images.
* *Answer*: a label holds when its probability is at least its threshold.
* *map*: the mean over labels of the exact average precision (``lapel.metrics.ranking``).
* *recall_at_3*, *recall_at_5*: of what holds, the share among the 3 or 5 most probable labels of
  its image, all images in one pot (``lapel.metrics.top_recall``); left out where there are no
  more labels than that.
* *mean_f1*: the F1 of the answered and the true set of one image, averaged over images; both
  empty is 1, one empty is 0. It is Kaggle's Mean F1 (which leaves 0/0 undefined) and
  scikit-learn's ``average="samples"`` (whose 0/0 is 0 unless told otherwise).
* *micro*: all answers in one pot. *macro*: the plain mean over labels.
* Labels without a positive take no part in ``map`` and ``macro_``: no answer could earn them
  anything. How many they are is ``TagCounts.labels_without_positives``; say it beside the number.
* *0/0* of precision, recall and F1 is 0, as in scikit-learn.
* *exact_match*: images whose known answers are all right. *label_accuracy*: known answers that
  are right, of all images and labels; with rare labels, saying nothing at all scores near 1.
* *nll*: the mean over known answers of the binary negative log-likelihood, natural logarithm.
* *ece*: the expected calibration error of the probability of a yes, over known answers.
* Numbers of no images, or of no positives, are NaN: nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.calibration import BINS, CalibrationBins, bin_confidences
from lapel.metrics.classification import LEAST_PROBABILITY, label_shares
from lapel.metrics.ranking import Ranking
from lapel.metrics.top_recall import BLOCK, TOP_K, TopHits
from lapel.schema.errors import UsageError

#: Numbers that lean on resamples; see ``lapel.metrics.bootstrap``.
LEANING = ("map", "macro_precision", "macro_recall", "macro_f1", "ece")

#: Numbers of probabilities, which know neither threshold nor order.
PROBABILITY_NUMBERS = ("nll", "ece")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaggedImages:
    """Answers and truth, image by image: to resample, to sort, to look at.

    Attributes:
        probabilities: of a yes, calibrated, float64 (N, labels), 0 to 1.
        target: 1 where the label holds, uint8 (N, labels).
        weight: 1 where that is known, else 0, uint8 (N, labels).
        thresholds: least probability that is a yes, float64 (labels,).

    Raises:
        UsageError: shapes that do not fit, or a known answer whose probability is not finite.
    """

    probabilities: NDArray[np.float64]
    target: NDArray[np.uint8]
    weight: NDArray[np.uint8]
    thresholds: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        shapes = (shape, self.target.shape, self.weight.shape, self.thresholds.shape)
        if len(shape) != 2 or shapes != (shape, shape, shape, shape[1:]):
            raise UsageError(
                "expected probabilities, targets and weights (images, labels) and thresholds "
                f"(labels,), found shapes {', '.join(map(str, shapes))}"
            )
        if not np.isfinite(self.probabilities[self.weight > 0]).all():
            raise UsageError(
                "some probabilities are not finite; the network's weights are unusable"
            )

    def __len__(self) -> int:
        return len(self.target)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the truth is known, (N, labels)."""
        return self.weight > 0

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Where the answer is yes, (N, labels)."""
        return self.probabilities >= self.thresholds

    def take(self, rows: NDArray[np.int64]) -> TaggedImages:
        """Some of the images, by position; one may be taken more than once."""
        return TaggedImages(
            probabilities=self.probabilities[rows],
            target=self.target[rows],
            weight=self.weight[rows],
            thresholds=self.thresholds,
        )

    def counts(self) -> TagCounts:
        """The counts of these images."""
        return TagCounts(parts=(self,))

    def f1_of_images(self) -> NDArray[np.float64]:
        """F1 of the answered and the true set of each image, (N,); both empty is 1."""
        truth = self.known & (self.target > 0)
        answer = self.known & self.predicted
        sizes = truth.sum(axis=1) + answer.sum(axis=1)
        both = 2.0 * (truth & answer).sum(axis=1)
        found = np.ones(len(self))
        np.divide(both, sizes, out=found, where=sizes > 0)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerTag:
    """Each label alone; every array is (labels,), in the order of the schema.

    Attributes:
        tp: known images that have it and are told so.
        fp: that have it not, but are told so.
        fn: that have it, but are not told so.
        tn: neither.
        precision: tp / (tp + fp), 0 where never answered.
        recall: tp / (tp + fn), 0 where it never holds.
        f1: 2 tp / (2 tp + fp + fn), 0 where neither.
        ap: average precision, NaN where it never holds.
        support: images that have it, tp + fn.
        threshold: least probability that is a yes.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    ap: NDArray[np.float64]
    support: NDArray[np.int64]
    threshold: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TagCounts:
    """What was counted of some answered images.

    An exact average precision needs the order of all images, so the parts are kept as they
    are, and joined when numbers are asked for.

    Attributes:
        parts: the images counted, in the order in which they were added; at least one part.
    """

    parts: tuple[TaggedImages, ...]

    def __add__(self, other: Self) -> Self:
        """The counts of both together.

        Raises:
            UsageError: counts of different labels or thresholds.
        """
        mine, theirs = self.parts[0].thresholds, other.parts[0].thresholds
        if not np.array_equal(mine, theirs):
            raise UsageError(
                f"counts of {len(mine)} labels cannot be added to counts of {len(theirs)} with "
                "other thresholds; judge all parts with the same calibration"
            )
        return type(self)(parts=self.parts + other.parts)

    def joined(self) -> TaggedImages:
        """All images counted, as one."""
        if len(self.parts) == 1:
            return self.parts[0]
        return TaggedImages(
            probabilities=np.concatenate([part.probabilities for part in self.parts]),
            target=np.concatenate([part.target for part in self.parts]),
            weight=np.concatenate([part.weight for part in self.parts]),
            thresholds=self.parts[0].thresholds,
        )

    @property
    def images(self) -> int:
        """How many images with a known answer were counted."""
        return int(self.joined().known.any(axis=1).sum())

    @property
    def labels_without_positives(self) -> int:
        """How many labels hold nowhere, and take no part in ``map`` and ``macro_``."""
        images = self.joined()
        return int((~((images.target > 0) & images.known).any(axis=0)).sum())

    @property
    def bins(self) -> CalibrationBins:
        """Probability of a yes (as confidence) against truth (as correct), over known answers."""
        images = self.joined()
        return bin_confidences(images.probabilities[images.known], images.target[images.known] > 0)

    def per_label(self) -> PerTag:
        """Each label alone."""
        return ResampledTags(self.joined()).per_label()

    def numbers(self) -> dict[str, float]:
        """``map``, ``recall_at_3`` and ``recall_at_5``, ``mean_f1``; ``micro_`` and ``macro_``
        ``precision``, ``recall`` and ``f1``; ``exact_match``, ``label_accuracy``, ``nll`` and
        ``ece``. Shares are 0 to 1.
        """
        images = self.joined()
        return ResampledTags(images)(np.arange(len(images)))


class ResampledTags:
    """The numbers of some images, drawn again and again, sorted only once.

    ``bootstrap_repeats(ResampledTags(images).many, len(images), leaning=LEANING)`` gives the
    intervals that ``images.take(rows).counts().numbers()`` of each resample would give, many times
    sooner.
    """

    def __init__(self, images: TaggedImages) -> None:
        self._images = images
        known = images.known
        self._ranking = Ranking.of(images.probabilities, images.target, known)
        truth, answer = known & (images.target > 0), known & images.predicted
        # Sums of 0 and 1 are exact in float32 up to 16 million images, and quick.
        self._cells = np.concatenate((truth & answer, answer, truth, known), axis=1, dtype="f4")

    @cached_property
    def _sums(self) -> ImageSums:
        return ImageSums.of(self._images)

    def __call__(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """Positions of images, some more than once, to their numbers."""
        found = self.many(np.bincount(rows, minlength=len(self._images))[None])
        return {name: float(values[0]) for name, values in found.items()}

    def many(self, repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """How often each image counts, (resamples, N), to the numbers, (resamples,) each."""
        return self._many(repeats, self._per_label(repeats))

    def many_with_labels(self, repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """The same, and ``precision``, ``recall`` and ``f1`` of each label, (resamples, labels);
        NaN where there is nothing to divide by.
        """
        found = self._per_label(repeats)
        each = [label_shares(one.tp, one.fp, one.fn, nothing=np.nan) for one in found]
        shares = {name: np.stack([one[name] for one in each]) for name in each[0]}
        return self._many(repeats, found) | shares

    def per_label(self) -> PerTag:
        """Each label alone, all images once."""
        return self._per_label(np.ones((1, len(self._images)), np.int64))[0]

    def _many(
        self, repeats: NDArray[np.int64], labels: Sequence[PerTag]
    ) -> dict[str, NDArray[np.float64]]:
        sums = self._sums.of_resamples(repeats)
        found = [
            self._numbers(each, {name: float(values[at]) for name, values in sums.items()})
            for at, each in enumerate(labels)
        ]
        return {name: np.array([one[name] for one in found]) for name in found[0]}

    def _numbers(self, each: PerTag, sums: Mapping[str, float]) -> dict[str, float]:
        judged, known = sums["judged"] or np.nan, sums["known"] or np.nan
        holds = each.support > 0
        pooled = label_shares(each.tp.sum(), each.fp.sum(), each.fn.sum())
        found = {"map": _mean(each.ap[holds])}
        found |= {
            f"recall_at_{k}": sums[f"found_{k}"] / (sums["held"] or np.nan)
            for k in TOP_K
            if k < len(each.support)
        }
        found["mean_f1"] = sums["f1"] / judged
        # 0/0 is 0, but of no answers at all nothing is known: that is NaN.
        found |= {f"micro_{name}": float(value) * (known / known) for name, value in pooled.items()}
        found |= {f"macro_{name}": _mean(getattr(each, name)[holds]) for name in pooled}
        found |= {
            "exact_match": sums["exact"] / judged,
            "label_accuracy": sums["right"] / known,
        }
        return found | {name: sums[name] / known for name in PROBABILITY_NUMBERS}

    def _per_label(self, repeats: NDArray[np.int64]) -> list[PerTag]:
        """Each label alone, for each resample."""
        sums = (repeats.astype(np.float32) @ self._cells).astype(np.int64)
        return [
            self._of_one(cells.reshape(4, -1), ap)
            for cells, ap in zip(sums, self._ranking.average_precision(repeats), strict=True)
        ]

    def _of_one(self, cells: NDArray[np.int64], ap: NDArray[np.float64]) -> PerTag:
        tp, answered, support, known = cells
        fp, fn = answered - tp, support - tp
        return PerTag(
            tp=tp,
            fp=fp,
            fn=fn,
            tn=known - tp - fp - fn,
            **label_shares(tp, fp, fn),
            ap=ap,
            support=support,
            threshold=self._images.thresholds,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSums:
    """What each image adds to the numbers that are sums over images.

    Attributes:
        values: name to what each image adds, float64 (N,) each.
        gaps: truth less confidence of each bin, float64 (N, BINS).
    """

    values: Mapping[str, NDArray[np.float64]]
    gaps: NDArray[np.float64]

    @classmethod
    def of(cls, images: TaggedImages) -> Self:
        """Of some images."""
        known = images.known
        right = (images.target > 0) == images.predicted
        judged = known.any(axis=1)
        hits = TopHits.of(images.probabilities, images.target, known)
        exact = (right | ~known).all(axis=1)
        each = {
            "judged": judged,
            "f1": images.f1_of_images() * judged,
            "exact": judged & exact,
            "right": (right & known).sum(axis=1),
            "held": hits.positives,
            **{f"found_{k}": found for k, found in hits.found.items()},
        }
        plain = cls.of_probabilities(images)
        others = {name: one.astype(np.float64) for name, one in each.items()}
        return cls(values={**plain.values, **others}, gaps=plain.gaps)

    @classmethod
    def of_probabilities(cls, images: TaggedImages) -> Self:
        """What ``PROBABILITY_NUMBERS`` need, and no more."""
        known = images.known
        truth = np.where(images.target > 0, images.probabilities, 1 - images.probabilities)
        losses = -np.log(np.maximum(np.where(known, truth, 1.0), LEAST_PROBABILITY))
        return cls(
            values={"known": known.sum(axis=1).astype(np.float64), "nll": losses.sum(axis=1)},
            gaps=_gap_of_bins(images),
        )

    def of_resamples(self, repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """The sums over images of which each counts so often, (resamples, N) to (resamples,)."""
        counted = repeats.astype(np.float64)
        columns = np.stack([*self.values.values()], axis=1)
        sums = dict(zip(self.values, (counted @ columns).T, strict=True))
        return sums | {"ece": np.abs(counted @ self.gaps).sum(axis=1)}


class ResampledProbabilities:
    """``PROBABILITY_NUMBERS`` alone of some images, drawn again and again; sorts nothing."""

    def __init__(self, images: TaggedImages) -> None:
        self._sums = ImageSums.of_probabilities(images)

    def many(self, repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """How often each image counts, (resamples, N), to the numbers, (resamples,) each."""
        sums = self._sums.of_resamples(repeats)
        known = np.where(sums["known"] > 0, sums["known"], np.nan)
        return {name: sums[name] / known for name in PROBABILITY_NUMBERS}


def _gap_of_bins(images: TaggedImages) -> NDArray[np.float64]:
    """What each image adds to truth less confidence of each bin, (N, BINS)."""
    sums = np.zeros((len(images), BINS))
    for at in range(0, len(images), BLOCK):
        rows = slice(at, at + BLOCK)
        probability, known = images.probabilities[rows], images.known[rows]
        # What is unknown may be no number; it counts nothing.
        probability = np.where(known, probability, 0.0)
        index = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)
        index += BINS * np.arange(len(index))[:, None]
        gap = np.where(known, images.target[rows] - probability, 0.0)
        found = np.bincount(index.ravel(), weights=gap.ravel(), minlength=BINS * len(index))
        sums[rows] = found.reshape(-1, BINS)
    return sums


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
