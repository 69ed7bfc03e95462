"""What DeepFashion's Category and Attribute Prediction Benchmark asks: its tasks."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.data.deepfashion.names import (
    ATTRIBUTE_TASKS,
    Named,
    official_attributes,
    official_categories,
)
from lapel.data.deepfashion.places import LANDMARKS
from lapel.schema.labels import Schema, TaskSpec

CATEGORY, LANDMARKS_TASK = "category", "landmarks"

#: The names of the two benchmarks, as evaluation knows them.
COARSE, FINE = "deepfashion-coarse", "deepfashion-fine"

#: What the six groups of the fine annotations ask, in the order of their numbers, 1 to 6; the
#: challenge CE7454 has the same.
FINE_TASKS = ("texture", "sleeve", "length", "neckline", "fabric", "fit")

#: The splits' names in the files, and ours.
STATUS = {"train": "train", "val": "validation", "test": "test"}

ORIGIN = "DeepFashion, Category and Attribute Prediction Benchmark (Liu et al., CVPR 2016)"
LICENCE = "for research that is not commercial, by agreement with the authors; not to be passed on"


def coarse_schema(categories: Sequence[Named], attributes: Sequence[Named]) -> Schema:
    """A category, tags of each of the five types, landmarks.

    A type without attributes has no task.
    """
    tags = {
        task: of_type(attributes, number) for number, task in enumerate(ATTRIBUTE_TASKS, start=1)
    }
    return Schema(
        (
            TaskSpec(name=CATEGORY, kind="single_label", labels=_names(categories)),
            *(
                TaskSpec(name=task, kind="multi_label", labels=labels)
                for task, labels in tags.items()
                if labels
            ),
            landmarks_task(),
        )
    )


def fine_schema(categories: Sequence[Named], attributes: Sequence[Named]) -> Schema:
    """Six questions of one answer each, a category, landmarks."""
    groups = [
        TaskSpec(name=task, kind="single_label", labels=of_type(attributes, number))
        for number, task in enumerate(FINE_TASKS, start=1)
    ]
    category = TaskSpec(name=CATEGORY, kind="single_label", labels=_names(categories))
    return Schema((*groups, category, landmarks_task()))


def landmarks_task() -> TaskSpec:
    """The eight landmarks of the benchmark."""
    return TaskSpec(name=LANDMARKS_TASK, kind="landmarks", labels=LANDMARKS)


def of_type(names: Sequence[Named], number: int) -> tuple[str, ...]:
    """The names of one type, in order."""
    return tuple(name for name, its in names if its == number)


def _names(named: Sequence[Named]) -> tuple[str, ...]:
    return tuple(name for name, _ in named)


_UNOFFICIAL = "which are not DeepFashion's own {}: published results do not compare"


def unofficial(categories: Sequence[Named], attributes: Sequence[Named]) -> tuple[str, ...]:
    """A note where names are not DeepFashion's own, as those of drawn data are not all."""
    notes = unofficial_categories(categories)
    if tuple(attributes) != official_attributes():
        notes += (f"{len(attributes):,} attributes, {_UNOFFICIAL.format('1,000')}",)
    return notes


def unofficial_categories(categories: Sequence[Named]) -> tuple[str, ...]:
    """A note where categories are not DeepFashion's own."""
    if tuple(categories) == official_categories():
        return ()
    return (f"{len(categories)} categories, {_UNOFFICIAL.format(50)}",)
