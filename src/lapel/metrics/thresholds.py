"""From which probability on a tag is a yes: chosen label by label on held-out images.

The cut that suits F1 best is rarely 0.5: for calibrated probabilities it is half the best F1
that can be reached (Lipton, Elkan and Naryanaswamy, "Thresholding Classifiers to Maximize F1
Score", ECML 2014, arXiv 1402.1892, theorem 1). Here it is counted, not derived: every cut between
two probabilities is tried ("SCut" of Yang, "A Study on Thresholding Strategies for Text
Categorization", SIGIR 2001). On few positives that overfits, as both papers warn: a label
with less than ``LEAST_POSITIVES`` gets the threshold that is best for all labels in one pot.

Tune on images that the network has not learned from, and report the numbers of others still.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.ranking import Cuts, cuts_of
from lapel.schema.errors import UsageError

#: What a threshold is chosen for.
Goal = Literal["f1", "precision", "fixed"]

#: From here on a label is a yes, where nothing was tuned.
DEFAULT_THRESHOLD = 0.5

#: No probability reaches it.
NEVER = float(np.nextafter(1.0, 2.0))

#: A label with fewer known positives has too few to choose a threshold of its own by.
LEAST_POSITIVES = 5


def tune_thresholds(
    probabilities: NDArray[np.float64],
    target: NDArray[np.uint8],
    weight: NDArray[np.uint8],
    *,
    goal: Goal = "f1",
    precision: float = 0.9,
) -> NDArray[np.float64]:
    """The least probability that is a yes, for each label.

    Goal ``f1``: the cut of the best F1; among equals the one that says yes least often.
    Goal ``precision``: the cut that finds most among those of at least that precision, counted
    on these images; where none is, no probability is a yes. Goal ``fixed``: 0.5 for all.
    A threshold lies halfway between the two probabilities that it parts.

    Args:
        probabilities: of a yes, calibrated, float64 (N, labels).
        target: 1 where the label holds, (N, labels).
        weight: 0 where that is unknown, (N, labels).
        goal: what to choose for.
        precision: for goal ``precision``: at least so much of it, between 0 and 1.

    Returns:
        float64 (labels,); up to 1, or ``NEVER``.

    Raises:
        UsageError: an unknown goal, or a precision outside 0 to 1.
    """
    if goal not in ("f1", "precision", "fixed"):
        raise UsageError(f"thresholds are chosen for f1, precision or fixed, found {goal!r}")
    if not 0 < precision < 1:
        raise UsageError(f"a precision to reach lies between 0 and 1, found {precision}")
    labels = probabilities.shape[1]
    least = 0.0 if goal == "f1" else precision
    if goal == "fixed":
        return np.full(labels, DEFAULT_THRESHOLD)
    shared = _best(cuts_of(probabilities.ravel(), target.ravel(), weight.ravel()), least)
    each = [
        cuts_of(probabilities[:, label], target[:, label], weight[:, label])
        for label in range(labels)
    ]
    return np.array(
        [_best(cuts, least) if cuts.positives >= LEAST_POSITIVES else shared for cuts in each]
    )


def _best(cuts: Cuts, least_precision: float) -> float:
    """The threshold of the best F1, or of the most found where a precision is to be kept."""
    if not cuts.positives:
        return DEFAULT_THRESHOLD
    if not least_precision:
        return _below(cuts, int(cuts.f1.argmax()))
    kept = np.flatnonzero(cuts.precision >= least_precision)
    return _below(cuts, int(kept[-1])) if len(kept) else NEVER


def _below(cuts: Cuts, index: int) -> float:
    """Halfway between the least probability that is a yes and the next one."""
    lowest = float(cuts.probability[index])
    following = float(cuts.probability[index + 1]) if index + 1 < len(cuts.probability) else 0.0
    middle = (lowest + following) / 2
    # Between neighbouring floats there is no middle.
    return middle if following < middle else lowest
