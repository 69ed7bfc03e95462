"""How well one of several labels is told: counts that add up, and the numbers they make.

Every number is made of counts, and counts of parts add up to the counts of the whole: batches,
machines and resamples all meet in ``+``. Nothing is a mean of batch means.

Rules, stated once:

* *Answer*: the most probable label; among equals the one that comes first in the schema.
* *Top k*: an answer counts when fewer than k labels come before the true one, ordered by
  probability, equals in the order of the schema.
* *0/0*: precision of a label never predicted, recall of a label that never occurs and F1 of
  a label that neither occurs nor is predicted are 0, as in scikit-learn.
* *Macro*: the plain mean over labels that occur or are predicted; *weighted*: the mean by
  occurrence. Labels of which nothing is seen take no part, as in scikit-learn.
* *NLL*: natural logarithm; probabilities below 2.2e-16 count as that, so that one impossible
  answer cannot hide all others.
* Numbers of no images are NaN: nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.calibration import CalibrationBins, bin_confidences
from lapel.schema.errors import UsageError

#: The k of top-k accuracy; those above the number of labels are left out.
TOP_K = (1, 3, 5)

#: Numbers that lean on resamples; see ``lapel.metrics.bootstrap``.
LEANING = ("macro_precision", "macro_recall", "macro_f1", "ece")

#: Least probability that the log-likelihood is taken of.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits (N, labels) to probabilities (N, labels) that sum to 1; safe from overflow."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerClass:
    """Each label against all others; every array is (labels,), in the order of the schema.

    Attributes:
        tp: true positives: of this label and called so.
        fp: false positives: of another label but called so.
        fn: false negatives: of this label but called otherwise.
        tn: true negatives: neither.
        precision: tp / (tp + fp), 0 where never predicted.
        recall: tp / (tp + fn), 0 where never seen.
        f1: 2 tp / (2 tp + fp + fn), 0 where neither.
        support: images of this label, tp + fn.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassificationCounts:
    """What was counted of some answered images.

    Attributes:
        confusion: int64 (labels, labels): images of true label (row) called so (column).
        hits: k to images whose true label was among the k best.
        nll_sum: sum of the negative log-likelihoods of the true labels.
        bins: confidence against truth.
    """

    confusion: NDArray[np.int64]
    hits: Mapping[int, int]
    nll_sum: float
    bins: CalibrationBins

    def __add__(self, other: Self) -> Self:
        """The counts of both together.

        Raises:
            UsageError: counts of different numbers of labels.
        """
        if self.confusion.shape != other.confusion.shape:
            mine, theirs = len(self.confusion), len(other.confusion)
            raise UsageError(f"counts of {mine} labels cannot be added to counts of {theirs}")
        return type(self)(
            confusion=self.confusion + other.confusion,
            hits={k: count + other.hits[k] for k, count in self.hits.items()},
            nll_sum=self.nll_sum + other.nll_sum,
            bins=self.bins + other.bins,
        )

    @property
    def images(self) -> int:
        """How many images were counted."""
        return int(self.confusion.sum())

    def per_class(self) -> PerClass:
        """Each label against all others."""
        tp = np.diagonal(self.confusion).copy()
        fp = self.confusion.sum(axis=0) - tp
        fn = self.confusion.sum(axis=1) - tp
        return PerClass(
            tp=tp,
            fp=fp,
            fn=fn,
            tn=self.images - tp - fp - fn,
            **label_shares(tp, fp, fn),
            support=tp + fn,
        )

    def numbers(self) -> dict[str, float]:
        """``accuracy``, ``top3``, ``top5``; ``macro_`` and ``weighted_`` ``precision``,
        ``recall`` and ``f1``; ``nll`` and ``ece``. Shares are 0 to 1.
        """
        images = self.images or float("nan")
        found = {
            "accuracy" if k == 1 else f"top{k}": count / images for k, count in self.hits.items()
        }
        return found | self._means() | {"nll": self.nll_sum / images, "ece": self.bins.error}

    def _means(self) -> dict[str, float]:
        each = self.per_class()
        columns = {"precision": each.precision, "recall": each.recall, "f1": each.f1}
        weights = {
            "macro": (each.tp + each.fp + each.fn > 0).astype(np.float64),
            "weighted": each.support.astype(np.float64),
        }
        return {
            f"{kind}_{name}": float(values @ weight / (weight.sum() or float("nan")))
            for kind, weight in weights.items()
            for name, values in columns.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassifiedImages:
    """What counts are made of, image by image: to resample, to sort, to look at.

    Attributes:
        labels: number of labels.
        target: true label, int64 (N,).
        predicted: answer, int64 (N,).
        rank: labels before the true one, int64 (N,); 0 when the answer is right.
        confidence: probability of the answer, float64 (N,).
        nll: negative log-likelihood of the true label, float64 (N,).
    """

    labels: int
    target: NDArray[np.int64]
    predicted: NDArray[np.int64]
    rank: NDArray[np.int64]
    confidence: NDArray[np.float64]
    nll: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: NDArray[np.int64]) -> ClassifiedImages:
        """Some of the images, by position; one may be taken more than once."""
        return ClassifiedImages(
            labels=self.labels,
            target=self.target[rows],
            predicted=self.predicted[rows],
            rank=self.rank[rows],
            confidence=self.confidence[rows],
            nll=self.nll[rows],
        )

    def counts(self) -> ClassificationCounts:
        """The counts of these images."""
        cells = np.bincount(self.target * self.labels + self.predicted, minlength=self.labels**2)
        return ClassificationCounts(
            confusion=cells.reshape(self.labels, self.labels),
            hits={k: int((self.rank < k).sum()) for k in TOP_K if k <= self.labels},
            nll_sum=float(self.nll.sum()),
            bins=bin_confidences(self.confidence, self.rank == 0),
        )

    def probability_numbers(self) -> dict[str, float]:
        """``nll`` and ``ece`` alone: many labels have a great many pairs, which these need not."""
        images = len(self) or float("nan")
        bins = bin_confidences(self.confidence, self.rank == 0)
        return {"nll": float(self.nll.sum()) / images, "ece": bins.error}


def classify(probabilities: NDArray[np.float64], target: NDArray[np.int64]) -> ClassifiedImages:
    """Probabilities (N, labels) and true labels int64 (N,), judged image by image.

    Raises:
        UsageError: shapes that do not fit, or a target that is no label.
    """
    _check(probabilities, target)
    rows = np.arange(len(target))
    truth = probabilities[rows, target]
    above = probabilities > truth[:, None]
    equal_before = (probabilities == truth[:, None]) & (
        np.arange(probabilities.shape[1]) < target[:, None]
    )
    predicted = probabilities.argmax(axis=1)
    return ClassifiedImages(
        labels=probabilities.shape[1],
        target=target,
        predicted=predicted,
        rank=(above | equal_before).sum(axis=1),
        confidence=probabilities[rows, predicted],
        nll=-np.log(np.maximum(truth, LEAST_PROBABILITY)),
    )


def count_classification(
    probabilities: NDArray[np.float64], target: NDArray[np.int64]
) -> ClassificationCounts:
    """Probabilities (N, labels) against true labels int64 (N,), as counts that add up.

    Raises:
        UsageError: shapes that do not fit, or a target that is no label.
    """
    return classify(probabilities, target).counts()


def label_shares(
    tp: NDArray[np.int64], fp: NDArray[np.int64], fn: NDArray[np.int64], *, nothing: float = 0.0
) -> dict[str, NDArray[np.float64]]:
    """``precision``, ``recall`` and ``f1`` of counts of one shape, in that shape.

    Args:
        tp: true positives.
        fp: false positives.
        fn: false negatives.
        nothing: what stands where there is nothing to divide by.
    """
    parts = {
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }
    return {
        name: np.divide(part, whole, out=np.full(np.shape(part), nothing), where=whole > 0)
        for name, (part, whole) in parts.items()
    }


def _check(probabilities: NDArray[np.float64], target: NDArray[np.int64]) -> None:
    if probabilities.ndim != 2 or target.shape != probabilities.shape[:1]:
        raise UsageError(
            f"expected probabilities (images, labels) and targets (images,), found shapes "
            f"{probabilities.shape} and {target.shape}"
        )
    if not np.isfinite(probabilities).all():
        raise UsageError("some probabilities are not finite; the network's weights are unusable")
    if len(target) and not 0 <= target.min() <= target.max() < probabilities.shape[1]:
        raise UsageError(
            f"targets run from {target.min()} to {target.max()}, but there are "
            f"{probabilities.shape[1]} labels"
        )
