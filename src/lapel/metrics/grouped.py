"""How well several questions of one label each are answered together.

Rules, stated once:

* An answer that is not known (its weight is 0) takes part in nothing.
* *grouped_accuracy*: right answers by known answers, of all images and groups in one pot. Where
  every image has all groups it is the mean of the groups' accuracies (CE7454: of six).
* *exact_match*: images whose known answers are all right, by images with a known answer.
* *macro_recall* of a group: the plain mean of the recall of its labels that occur, which is
  scikit-learn's ``balanced_accuracy_score``; a label that is only answered takes no part.
* *grouped_macro_recall*: the plain mean of that over groups with a known answer. Where one
  label is rare (CE7454 has 19 square necklines to learn from), this is where it shows.
* Numbers of no known answers are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: Numbers that lean on resamples; see ``lapel.metrics.bootstrap``.
LEANING = ("grouped_macro_recall",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupAnswers:
    """The answers to one question; every array is (N,), a row an image.

    Attributes:
        labels: how many labels it has.
        target: true label, int64; anything where it is unknown.
        predicted: answer, int64.
        known: where the true label is known, bool.
    """

    labels: int
    target: NDArray[np.int64]
    predicted: NDArray[np.int64]
    known: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> GroupAnswers:
        """Some of the images, by position; one may be taken more than once."""
        return GroupAnswers(
            labels=self.labels,
            target=self.target[rows],
            predicted=self.predicted[rows],
            known=self.known[rows],
        )

    @property
    def right(self) -> NDArray[np.bool_]:
        """Where the answer is known to be right, (N,)."""
        return np.asarray(self.known & (self.target == self.predicted), np.bool_)

    def accuracy(self) -> float:
        """Right answers by known ones."""
        return float(self.right.sum() / (self.known.sum() or np.nan))

    def macro_recall(self) -> float:
        """The plain mean of the recall of the labels that occur."""
        occurs = np.bincount(self.target[self.known], minlength=self.labels)
        found = np.bincount(self.target[self.right], minlength=self.labels)
        present = occurs > 0
        return float((found[present] / occurs[present]).mean()) if present.any() else np.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedImages:
    """The answers to several questions about the same images.

    Attributes:
        groups: name of the question to its answers; at least one, all of as many images.

    Raises:
        UsageError: no group, or groups of different images.
    """

    groups: Mapping[str, GroupAnswers]

    def __post_init__(self) -> None:
        sizes = {name: len(group.target) for name, group in self.groups.items()}
        if len(set(sizes.values())) != 1:
            raise UsageError(f"expected groups of the same images, found {sizes or 'no group'}")

    def __len__(self) -> int:
        return len(next(iter(self.groups.values())).target)

    def take(self, rows: NDArray[np.int64]) -> GroupedImages:
        """Some of the images, by position; one may be taken more than once."""
        return GroupedImages(groups={name: group.take(rows) for name, group in self.groups.items()})

    def numbers(self) -> dict[str, float]:
        """``grouped_accuracy``, ``exact_match`` and ``grouped_macro_recall``, each 0 to 1."""
        groups = list(self.groups.values())
        right = np.stack([group.right for group in groups], axis=1)
        known = np.stack([group.known for group in groups], axis=1)
        judged = known.any(axis=1)
        recalls = [group.macro_recall() for group in groups if group.known.any()]
        return {
            "grouped_accuracy": float(right.sum() / (known.sum() or np.nan)),
            "exact_match": float(
                ((right == known).all(axis=1) & judged).sum() / (judged.sum() or np.nan)
            ),
            "grouped_macro_recall": float(np.mean(recalls)) if recalls else np.nan,
        }
