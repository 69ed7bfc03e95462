"""The table of how each kind of task is learned; its keys are those of ``lapel.tasks.kinds``."""

from __future__ import annotations

from collections.abc import Iterable

from lapel.models.heads.base import Learned
from lapel.models.heads.garments import LearnedGarments
from lapel.models.heads.landmarks import LearnedLandmarks
from lapel.models.heads.multi_label import LearnedMultiLabel
from lapel.models.heads.segmentation import LearnedSegmentation
from lapel.models.heads.single_label import LearnedSingleLabel
from lapel.schema.labels import TaskSpec

HEADS: dict[str, type[Learned]] = {
    "garments": LearnedGarments,
    "landmarks": LearnedLandmarks,
    "multi_label": LearnedMultiLabel,
    "segmentation": LearnedSegmentation,
    "single_label": LearnedSingleLabel,
}

#: Kinds whose heads are :class:`~lapel.models.heads.base.MapsHead`.
OF_MAPS = ("garments", "segmentation")


def dense_tasks(schema: Iterable[TaskSpec]) -> tuple[str, ...]:
    """Names of the tasks whose outputs are too large to be kept for a whole set."""
    return tuple(spec.name for spec in schema if HEADS[spec.kind].dense)


def spatial_tasks(schema: Iterable[TaskSpec]) -> tuple[str, ...]:
    """Names of the tasks that are answered with places in the picture."""
    return tuple(spec.name for spec in schema if HEADS[spec.kind].spatial)
