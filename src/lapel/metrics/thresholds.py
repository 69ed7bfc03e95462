"""From which probability on a tag is a yes: chosen on held-out images, for a stated goal.

Two numbers are called F1, and what is best for one is bad for the other. *Mean F1* judges each
image's set of tags; for it a rare tag must be probable before it is worth saying. *Macro F1* judges
each label alone; for it the best cut of a rare label is low (half the best F1 that can be reached:
Lipton, Elkan and Naryanaswamy, "Thresholding Classifiers to Maximize F1 Score", ECML 2014, arXiv
1402.1892, theorem 1), even where that says a tag to many images that have it not. On 894 photos
with 56 uneven tags, cuts chosen label by label ("SCut" of Yang, "A Study on Thresholding
Strategies for Text Categorization", SIGIR 2001) brought macro F1 from 0.18 to 0.27, and mean F1
from 0.59 to 0.44, less than saying the same to all. So the goal is stated.

Tune on images that the network has not learned from, and report the numbers of others still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.image_thresholds import thresholds_for_images
from lapel.metrics.ranking import Cuts, cuts_of
from lapel.schema.errors import UsageError

#: What thresholds are chosen for.
Goal = Literal["f1", "label_f1", "precision", "fixed"]

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

    * ``f1``: the best mean F1 of images, see ``lapel.metrics.image_thresholds``.
    * ``label_f1``: the best F1 of each label; among equals the cut that says yes least often.
    * ``precision``: of the cuts of at least that precision, counted on these images, the one
      that finds most; where there is none, nothing is a yes.
    * ``fixed``: 0.5 for all.

    For ``label_f1`` and ``precision``, a label with less than ``LEAST_POSITIVES`` positives gets
    the threshold that is best for all labels in one pot. A threshold lies halfway between the
    two probabilities that it parts.

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
    if goal not in get_args(Goal):
        raise UsageError(
            f"thresholds are chosen for one of {', '.join(get_args(Goal))}, found {goal!r}"
        )
    if not 0 < precision < 1:
        raise UsageError(f"a precision to reach lies between 0 and 1, found {precision}")
    if goal == "fixed" or not target[weight > 0].any():
        return np.full(probabilities.shape[1], DEFAULT_THRESHOLD)
    pot = cuts_of(probabilities.ravel(), target.ravel(), weight.ravel())
    if goal == "f1":
        return thresholds_for_images(probabilities, target, weight, start=_best_f1(pot))
    if goal == "label_f1":
        return _label_by_label(probabilities, target, weight, pot, _best_f1)
    return _label_by_label(
        probabilities, target, weight, pot, lambda cuts: _most_found(cuts, precision)
    )


def _label_by_label(
    probabilities: NDArray[np.float64],
    target: NDArray[np.uint8],
    weight: NDArray[np.uint8],
    pot: Cuts,
    choose: Callable[[Cuts], float],
) -> NDArray[np.float64]:
    """What is chosen for each label, or for all in one pot where a label has few positives."""
    columns = zip(probabilities.T, target.T, weight.T, strict=True)
    each = [cuts_of(*column) for column in columns]
    return np.array([choose(cuts if cuts.positives >= LEAST_POSITIVES else pot) for cuts in each])


def _best_f1(cuts: Cuts) -> float:
    return cuts.below(int(cuts.f1.argmax()))


def _most_found(cuts: Cuts, precision: float) -> float:
    kept = np.flatnonzero(cuts.precision >= precision)
    return cuts.below(int(kept[-1])) if len(kept) else NEVER
