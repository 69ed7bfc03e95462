"""The answer about landmarks that never looks: the mean place of each one in the box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.schema.annotation import Label
from lapel.schema.geometry import Box, Landmarks
from lapel.schema.labels import TaskSpec

#: A landmark that was never seen is looked for in the middle.
MIDDLE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UsualPlaces:
    """Where landmarks mostly are.

    Attributes:
        places: mean x and y of each landmark's visible points, as shares of the box, float64
            (labels, 2).
        visible: how often each can be seen where anybody knows, as a logit, float64 (labels,).
            One is added on either side, so that nothing is certain.
    """

    places: NDArray[np.float64]
    visible: NDArray[np.float64]

    @classmethod
    def of(cls, spec: TaskSpec, labels: Sequence[Label], boxes: Sequence[Box]) -> Self:
        """Count some labels.

        Args:
            spec: the task.
            labels: as annotated.
            boxes: of each; the whole picture where nobody knows one.
        """
        places = {name: index for index, name in enumerate(spec.labels)}
        total = np.zeros((len(places), 2))
        yes, no = np.zeros(len(places)), np.zeros(len(places))
        for label, box in zip(labels, boxes, strict=True):
            if not isinstance(label, Landmarks):
                continue
            for name, point in label.points.items():
                if point.visible:
                    total[places[name]] += (
                        (point.x - box.left) / box.width,
                        (point.y - box.top) / box.height,
                    )
                    yes[places[name]] += 1
                else:
                    no[places[name]] += 1
            for name in label.cut:
                no[places[name]] += 1
        seen = yes[:, None]
        mean = np.divide(total, seen, out=np.full(total.shape, MIDDLE), where=seen > 0)
        return cls(places=mean, visible=np.log((yes + 1) / (no + 1)))

    def outputs(self, frames: Sequence[Frame]) -> NDArray[np.float32]:
        """What it says of some pictures, on their canvas, float32 (N, labels, 3)."""
        said = np.empty((len(frames), len(self.places), 3), np.float32)
        said[..., 2] = self.visible
        for row, frame in enumerate(frames):
            box = frame.box
            originals = self.places * (box.width, box.height) + (box.left, box.top)
            said[row, :, :2] = frame.placement.to_model(originals) / (frame.width, frame.height)
        return said
