"""The table of kinds of task that can be judged: a line a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lapel.evaluation.gathering import Gather
from lapel.evaluation.judged import JudgedTask, Scene, Section
from lapel.evaluation.kinds.garments import judge_garments
from lapel.evaluation.kinds.garments_seen import GarmentsSeen
from lapel.evaluation.kinds.landmarks import judge_landmarks
from lapel.evaluation.kinds.multi_label import judge_multi_label
from lapel.evaluation.kinds.segmentation import SegmentationGatherer, judge_segmentation
from lapel.evaluation.kinds.single_label import judge_single_label
from lapel.evaluation.pages.garments import garments_sections
from lapel.evaluation.pages.landmarks import landmarks_sections
from lapel.evaluation.pages.multi_label import multi_label_sections
from lapel.evaluation.pages.segmentation import segmentation_sections
from lapel.evaluation.pages.single_label import single_label_sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How one kind of task is judged and shown.

    Attributes:
        judge: (spec, outputs of each view, labels, calibration, ``counted``, ``resamples``) to
            what was found; see ``judge_single_label``.
        sections: what ``judge`` found, and what was looked at, to parts of a page.
        places: whether ``judge`` also takes ``frames`` and ``boxes``, as ``judge_landmarks`` does.
        gather: of kinds whose answers are too large to be kept: makes what judges them batch by
            batch, a ``Gatherer``. ``judge`` is then (spec, the gatherer, calibration,
            ``counted``: a ``Counted``, ``resamples``) to what was found; as ``judge_segmentation``.
    """

    judge: Callable[..., JudgedTask]
    sections: Callable[[Any, Scene], list[Section]]
    places: bool = False
    gather: Gather | None = None


JUDGES = {
    "single_label": Judge(judge=judge_single_label, sections=single_label_sections),
    "multi_label": Judge(judge=judge_multi_label, sections=multi_label_sections),
    "landmarks": Judge(judge=judge_landmarks, sections=landmarks_sections, places=True),
    "garments": Judge(judge=judge_garments, sections=garments_sections, gather=GarmentsSeen),
    "segmentation": Judge(
        judge=judge_segmentation, sections=segmentation_sections, gather=SegmentationGatherer
    ),
}
