"""Named points of a garment, each with its place and whether it can be seen: collar, cuffs, hem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.metrics.landmarks import LandmarkCounts, LocatedImages, locate
from lapel.schema.annotation import Label
from lapel.schema.errors import SchemaError
from lapel.schema.geometry import Landmarks, mirrored
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer, FoundLandmark, LandmarksAnswer
from lapel.tasks.base import Calibration, check_frames
from lapel.tasks.multi_label import sigmoid

#: Values of a target: x, y, width and height of the box, visible.
TARGET = 5

#: Values of an output: x, y, logit of being visible.
OUTPUT = 3


class LandmarksTask:
    """The meaning of ``landmarks``.

    Places are shares of the network's canvas, 0 to 1, continuous: the centre of the pixel in column
    c of a canvas W pixels wide is (c + 0.5) / W.

    Outputs are float32 (N, labels, 3): x, y, and the logit of being visible. Targets are float32
    (N, labels, 5): x, y, width and height of the box by which distances are measured, and 1 where
    the landmark can be seen. Weights are float32 (N, labels, 2): whether the place is known, and
    whether anybody knows if it can be seen.

    A hidden landmark whose place is known has both weights, so that it may be learned; scores count
    the visible ones alone. One that is cut off, by the picture's edge or by that of the canvas, has
    no place and cannot be seen, as in the released code of Liu and Lu (2018). One that is absent or
    unknown takes part in nothing.
    """

    metric = "pck10"

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec
        self._positions = {label: index for index, label in enumerate(spec.labels)}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Three numbers a landmark."""
        return (len(self.spec.labels), OUTPUT)

    def encode(
        self, labels: Sequence[Label], frames: Sequence[Frame] = ()
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Landmarks (None: nothing known) to targets and weights.

        Args:
            labels: in pixels of the upright originals.
            frames: how the canvas shows each of them.

        Raises:
            SchemaError: a landmark outside the schema, or a label that is no landmarks.
            UsageError: not as many frames as labels.
        """
        check_frames(self.spec, frames, len(labels))
        shape = (len(labels), len(self.spec.labels))
        target, weight = np.zeros((*shape, TARGET), np.float32), np.zeros((*shape, 2), np.float32)
        rows: list[tuple[int, int]] = []
        points: list[tuple[float, float, bool]] = []
        for row, label in enumerate(labels):
            if label is None:
                continue
            if not isinstance(label, Landmarks):
                raise SchemaError(
                    f"task '{self.spec.name}' takes landmarks, found {label!r}; "
                    "say Landmarks(points=..., cut=..., unknown=...)"
                )
            for name, point in label.points.items():
                rows.append((row, self._position(name)))
                points.append(point)
            for name in (*label.cut, *label.unknown):
                weight[row, self._position(name), 1] = name in label.cut
        if points:
            self._place(target, weight, np.array(rows), np.array(points, np.float64), frames)
        return target, weight

    def _place(
        self,
        target: NDArray[np.float32],
        weight: NDArray[np.float32],
        rows: NDArray[np.int64],
        points: NDArray[np.float64],
        frames: Sequence[Frame],
    ) -> None:
        """Put points of the originals, float64 (P, 3) as x, y and visible, on the canvas."""
        image, label = rows.T
        scale, offset, size, box = (part[image] for part in _on_canvas(frames))
        place = (points[:, :2] * scale + offset) / size
        shown = ((place >= 0) & (place <= 1)).all(axis=1)
        values = np.concatenate([place, box, points[:, 2:]], axis=1)
        target[image[shown], label[shown]] = values[shown]
        weight[image, label, 0] = shown
        weight[image, label, 1] = 1.0

    def _position(self, name: str) -> int:
        # `index` raises the error that names what was found and what there is.
        return self._positions[name] if name in self._positions else self.spec.index(name)

    def score(
        self,
        output: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[Any],
        calibration: Calibration | None = None,
    ) -> LandmarkCounts:
        """Outputs against targets; what weighs 0 takes no part."""
        return self.located(output, target, weight, calibration).counts()

    def located(
        self,
        output: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[Any],
        calibration: Calibration | None = None,
    ) -> LocatedImages:
        """Outputs against targets, image by image."""
        places = output[..., :2].astype(np.float64)
        return locate(places, self.visible(output, calibration), target, weight)

    def visible(
        self, output: NDArray[np.float32], calibration: Calibration | None = None
    ) -> NDArray[np.float64]:
        """The calibrated probability that each landmark can be seen, (N, labels)."""
        temperature = (calibration or {}).get("temperature", 1.0)
        return sigmoid(output[..., 2].astype(np.float64) / temperature)

    def unmirrored(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs for mirror images, as outputs for the pictures themselves.

        What lies at the left lies at the right, and the left cuff is the right one.
        """
        turned = output[:, list(mirrored(self.spec.labels))]
        turned[..., 0] = 1.0 - turned[..., 0]
        return turned

    def decode(
        self,
        output: NDArray[np.float32],
        calibration: Calibration | None = None,
        *,
        top: int = 5,  # noqa: ARG002 - every landmark is answered
        frames: Sequence[Frame] = (),
    ) -> list[Answer]:
        """Outputs to a place for every landmark, in pixels of the upright originals.

        Raises:
            UsageError: not as many frames as outputs.
        """
        check_frames(self.spec, frames, len(output))
        if not len(output):
            return []
        scale, offset, size, _ = (part[:, None] for part in _on_canvas(frames))
        places = (output[..., :2].astype(np.float64) * size - offset) / scale
        return [
            self._answer(*row)
            for row in zip(places.tolist(), self.visible(output, calibration).tolist(), strict=True)
        ]

    def _answer(self, places: list[list[float]], visible: list[float]) -> Answer:
        found = zip(self.spec.labels, places, visible, strict=True)
        return LandmarksAnswer(
            points=tuple(
                FoundLandmark(name=name, x=place[0], y=place[1], visible=probability)
                for name, place, probability in found
            )
        )


def _on_canvas(frames: Sequence[Frame]) -> tuple[NDArray[np.float64], ...]:
    """Scale and offset of each frame, size of its canvas, and of its box there as shares; each
    float64 (N, 2), across and down.
    """
    rows = [
        (
            frame.placement.scale_x,
            frame.placement.scale_y,
            frame.placement.offset_x,
            frame.placement.offset_y,
            frame.width,
            frame.height,
            frame.box.width,
            frame.box.height,
        )
        for frame in frames
    ]
    values = np.array(rows, np.float64).reshape(len(frames), 4, 2)
    scale, offset, size, box = values.transpose(1, 0, 2)
    return scale, offset, size, box * scale / size
