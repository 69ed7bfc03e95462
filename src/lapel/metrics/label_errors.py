"""Labels that are probably wrong, told by a model that did not learn from them.

Source: confident learning, Northcutt, Jiang and Chuang, "Confident Learning: Estimating
Uncertainty in Dataset Labels", JAIR 70, 2021 (arXiv 1911.00068): each label's threshold is the
mean probability that images bearing it get for it (equation 2); an image counts for the most
probable of the labels whose threshold it reaches (equation 1). Images that count for another
label than their own, one that the model thinks more probable, are doubtful; they are ranked by
the margin (section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelErrors:
    """Doubtful labels, the most doubtful first; every array is (doubtful,).

    Attributes:
        rows: positions among the images judged, int64.
        self_confidence: probability of the label that the image bears, 0 to 1.
        suggested: the label that it counts for, int64.
        suggested_probability: the probability of that label, 0 to 1.
    """

    rows: NDArray[np.int64]
    self_confidence: NDArray[np.float64]
    suggested: NDArray[np.int64]
    suggested_probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


def find_label_errors(probabilities: NDArray[np.float64], label: NDArray[np.int64]) -> LabelErrors:
    """Images whose label is probably wrong, ranked by the probability of the label they bear
    less that of the one suggested (the normalised margin); equals keep their order.

    Args:
        probabilities: float64 (N, labels), given by a model that never saw these images in
            training: from a fold held out, or a split apart.
        label: int64 (N,), as annotated.

    Raises:
        UsageError: shapes that do not fit.
    """
    if probabilities.ndim != 2 or label.shape != probabilities.shape[:1]:
        raise UsageError(
            f"expected probabilities (images, labels) and labels (images,), found shapes "
            f"{probabilities.shape} and {label.shape}"
        )
    everyone = np.arange(len(label))
    own = probabilities[everyone, label]
    reached = probabilities >= _thresholds(own, label, probabilities.shape[1])
    candidates = np.where(reached, probabilities, -np.inf)
    suggested = candidates.argmax(axis=1)
    margin = own - candidates[everyone, suggested]
    doubtful = np.flatnonzero(margin < 0)
    rows = doubtful[np.argsort(margin[doubtful], kind="stable")]
    return LabelErrors(
        rows=rows,
        self_confidence=own[rows],
        suggested=suggested[rows],
        suggested_probability=candidates[rows, suggested[rows]],
    )


def _thresholds(
    own: NDArray[np.float64], label: NDArray[np.int64], labels: int
) -> NDArray[np.float64]:
    """Mean probability of a label among the images that bear it; out of reach where none do."""
    bearers = np.bincount(label, minlength=labels)
    total = np.bincount(label, weights=own, minlength=labels)
    thresholds = np.full(labels, np.inf)
    np.divide(total, bearers, out=thresholds, where=bearers > 0)
    return thresholds
