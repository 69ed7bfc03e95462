"""Several questions of one label each, judged as one answer: all right, or how many of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.grouped import LEANING, GroupAnswers, GroupedImages

#: Names of the numbers as a reader calls them, in reading order.
TOGETHER_NAMES = {
    "grouped_accuracy": "Grouped accuracy",
    "exact_match": "Exact match",
    "grouped_macro_recall": "Mean of the macro recalls",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """All tasks of kind ``single_label``, judged as one.

    Attributes:
        tasks: their names.
        images: how many images have a label in at least one of them.
        numbers: name to value and interval.
        majority: what it reaches to give the majority answer to each question.
    """

    tasks: tuple[str, ...]
    images: int
    numbers: Mapping[str, Interval]
    majority: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return {
            "tasks": list(self.tasks),
            "images": self.images,
            "numbers": {name: found.to_json() for name, found in self.numbers.items()},
            "majority": {"numbers": dict(self.majority)},
        }


def judge_together(
    tasks: Mapping[str, JudgedTask], images: int, *, resamples: int
) -> Together | None:
    """The ``single_label`` tasks as one answer; None where there are fewer than two.

    Args:
        tasks: task name to what was found.
        images: how many images could be read.
        resamples: of the bootstrap.
    """
    groups = {
        name: judged for name, judged in tasks.items() if isinstance(judged, SingleLabelEvaluation)
    }
    if len(groups) < 2:
        return None
    answered = grouped_images(groups, images)
    usual = grouped_images(groups, images, majority=True)
    judged_rows = np.unique(np.concatenate([judged.rows for judged in groups.values()]))
    numbers = bootstrap(
        lambda rows: answered.take(rows).numbers(), images, resamples=resamples, leaning=LEANING
    )
    return Together(
        tasks=tuple(groups), images=len(judged_rows), numbers=numbers, majority=usual.numbers()
    )


def grouped_images(
    groups: Mapping[str, SingleLabelEvaluation], images: int, *, majority: bool = False
) -> GroupedImages:
    """The answers to several questions about all images read.

    Args:
        groups: task name to what was found.
        images: how many images could be read.
        majority: the most frequent label of each question instead of the model's answers.
    """
    return GroupedImages(
        groups={
            name: _answers(judged, images, always=judged.majority.labels[0] if majority else None)
            for name, judged in groups.items()
        }
    )


def _answers(judged: SingleLabelEvaluation, images: int, *, always: str | None) -> GroupAnswers:
    """The answers to one question for all images read, or one answer always."""
    target, predicted = np.zeros(images, np.int64), np.zeros(images, np.int64)
    target[judged.rows] = judged.classified.target
    predicted[judged.rows] = judged.classified.predicted
    if always is not None:
        predicted[:] = judged.spec.index(always)
    known = np.zeros(images, np.bool_)
    known[judged.rows] = True
    return GroupAnswers(
        labels=len(judged.spec.labels), target=target, predicted=predicted, known=known
    )
