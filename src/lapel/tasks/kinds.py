"""The table of kinds of task."""

from __future__ import annotations

from collections.abc import Callable

from lapel.schema.errors import SchemaError
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Task
from lapel.tasks.garments import GarmentsTask
from lapel.tasks.landmarks import LandmarksTask
from lapel.tasks.multi_label import MultiLabelTask
from lapel.tasks.segmentation import SegmentationTask
from lapel.tasks.single_label import SingleLabelTask

KINDS: dict[str, Callable[[TaskSpec], Task]] = {
    "single_label": SingleLabelTask,
    "multi_label": MultiLabelTask,
    "landmarks": LandmarksTask,
    "segmentation": SegmentationTask,
    "garments": GarmentsTask,
}


def task_of(spec: TaskSpec) -> Task:
    """The meaning of a task.

    Raises:
        SchemaError: no such kind.
    """
    if spec.kind not in KINDS:
        raise SchemaError(
            f"task '{spec.name}' is of kind {spec.kind!r}; this version knows: {', '.join(KINDS)}"
        )
    return KINDS[spec.kind](spec)
