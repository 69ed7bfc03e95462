"""The answer that never looks: the most frequent category, where its garments are on average."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.evaluation.kinds.garments_seen import SeenPicture
from lapel.imaging.pasting import pasted
from lapel.metrics.detection import DetectionCounts, joined
from lapel.metrics.matching import FoundBoxes, Matcher
from lapel.schema.garments import Garments
from lapel.schema.labels import TaskSpec

#: The measures by which it can be matched: it has no landmarks.
MEASURES = ("box", "mask")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UsualGarment:
    """One garment, said of every picture; its mask fills its box.

    Attributes:
        label: its category.
        box: left, top, width and height as shares of the picture, float64 (4,).
    """

    label: str
    box: NDArray[np.float64]

    @property
    def called(self) -> str:
        """What it says, in words."""
        return f"one {self.label} at its mean place"


def usual_garment(spec: TaskSpec, rows: Dataset) -> UsualGarment:
    """What some rows of a dataset show most often; groups, and unknown boxes, count nothing."""
    sums: Counter[str] = Counter()
    boxes: dict[str, NDArray[np.float64]] = {}
    sizes = rows.table.select("width", "height").rows()
    for label, (width, height) in zip(rows.labels(spec.name), sizes, strict=True):
        for one in label.each if isinstance(label, Garments) else ():
            if one.box is None or one.is_crowd or one.part not in spec.labels:
                continue
            sums[one.part] += 1
            share = np.array(one.box) / (width, height, width, height)
            boxes[one.part] = boxes.get(one.part, np.zeros(4)) + share
    if not sums:
        return UsualGarment(label=spec.labels[0], box=np.array([0.0, 0.0, 1.0, 1.0]))
    ((label, count),) = sums.most_common(1)
    return UsualGarment(label=label, box=boxes[label] / count)


def usual_counts(
    spec: TaskSpec, usual: UsualGarment, pictures: Sequence[SeenPicture], measures: Iterable[str]
) -> DetectionCounts:
    """What matches what where every picture is said to hold the usual garment.

    Args:
        spec: the task.
        usual: the garment.
        pictures: what is there.
        measures: by which the model's answers are matched; those of landmarks, of which the usual
            garment has none, are left out.
    """
    kept = tuple(measure for measure in measures if measure in MEASURES)
    matcher = Matcher(len(spec.labels), kept, np.zeros(0))
    label = np.array([spec.index(usual.label)])
    parts = [matcher.nothing()]
    for one in pictures:
        width, height = one.size
        box = usual.box * (width, height, width, height)
        edges = (box[0], box[1], box[0] + box[2], box[1] + box[3])
        said = FoundBoxes(
            labels=label,
            scores=np.ones(1),
            boxes=box[None],
            masks=(pasted(np.ones((1, 1), np.float32), edges, width, height),),
            points=np.zeros((1, 0, 2)),
        )
        parts.append(matcher.match(said, one.true))
    return joined(parts)
