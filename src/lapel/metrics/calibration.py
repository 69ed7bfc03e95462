"""Do probabilities mean what they say? Reliability bins, their error, and temperature.

Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks",
ICML 2017 (arXiv 1706.04599): equal-width bins of confidence, the expected calibration error
(their equation 3), and one temperature that all logits are divided by (section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: Bins of confidence, as in Guo et al.
BINS = 15

#: Temperatures beyond these say that the fit ran away (all answers right, or noise).
TEMPERATURES = (0.05, 20.0)

_NEWTON_STEPS = 100
_PRECISION = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationBins:
    """Confidence against truth, as sums that add up.

    Bin ``m`` of ``M`` holds confidences in (m/M, (m+1)/M]; the first holds 0 as well.

    Attributes:
        images: images in each bin, int64 (bins,).
        correct: how many of them were answered rightly, int64 (bins,).
        confidence: sum of their confidences, float64 (bins,).
    """

    images: NDArray[np.int64]
    correct: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __add__(self, other: Self) -> Self:
        """The bins of both together."""
        return type(self)(
            images=self.images + other.images,
            correct=self.correct + other.correct,
            confidence=self.confidence + other.confidence,
        )

    @property
    def error(self) -> float:
        """Expected calibration error, 0 to 1: the mean gap between confidence and accuracy of
        the bins, weighted by their images; NaN without images.
        """
        total = int(self.images.sum())
        if total == 0:
            return float("nan")
        return float(np.abs(self.correct - self.confidence).sum() / total)


def bin_confidences(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], *, bins: int = BINS
) -> CalibrationBins:
    """Confidences (N,) in 0 to 1 and whether each answer was right (N,), sorted into bins."""
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return CalibrationBins(
        images=np.bincount(index, minlength=bins),
        correct=np.bincount(index[correct], minlength=bins),
        confidence=np.bincount(index, weights=confidence, minlength=bins).astype(np.float64),
    )


def fit_temperature(logits: NDArray[np.floating], target: NDArray[np.int64]) -> float:
    """The temperature that makes the negative log-likelihood of the targets least.

    The loss is convex in the inverse temperature b = 1/T: its slope is the mean of
    (expected logit under softmax(b z)) - (logit of the target), its curvature the mean
    variance of the logits. Newton's method, kept inside a shrinking bracket, finds the one
    root; where there is none (every answer right, or no better than chance) the result is the
    nearer end of ``TEMPERATURES``.

    Args:
        logits: (N, labels), raw.
        target: int64 (N,), positions of the true labels.

    Raises:
        UsageError: no images, or logits that are not finite.
    """
    if not len(target):
        raise UsageError("a temperature cannot be fitted on no images; hold some out")
    if not np.isfinite(logits).all():
        raise UsageError("a temperature cannot be fitted: some logits are not finite")
    scores = logits.astype(np.float64)
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if _slope_and_curvature(scores, target, low)[0] >= 0:
        return TEMPERATURES[1]
    if _slope_and_curvature(scores, target, high)[0] <= 0:
        return TEMPERATURES[0]
    inverse = 1.0
    for _ in range(_NEWTON_STEPS):
        slope, curvature = _slope_and_curvature(scores, target, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        newton = inverse - slope / curvature if curvature > 0 else low
        following = newton if low < newton < high else (low + high) / 2
        if abs(following - inverse) <= _PRECISION * inverse:
            break
        inverse = following
    return float(1 / inverse)


def _slope_and_curvature(
    scores: NDArray[np.float64], target: NDArray[np.int64], inverse: float
) -> tuple[float, float]:
    """First and second derivative of the mean loss with respect to the inverse temperature."""
    scaled = scores * inverse
    probabilities = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    expected = (probabilities * scores).sum(axis=1)
    variance = (probabilities * scores**2).sum(axis=1) - expected**2
    truth = scores[np.arange(len(target)), target]
    return float((expected - truth).mean()), float(variance.mean())
