"""Several garments of one picture: of each its category, box, pixels and landmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.garment import Edges
from lapel.imaging.pasting import pasted
from lapel.imaging.placing import garment_on_canvas
from lapel.imaging.preprocess import Frame, Placement
from lapel.metrics.detection import DetectionCounts, joined
from lapel.metrics.matching import Matcher
from lapel.schema.annotation import Label
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.garments import Garments
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer, FoundGarment, FoundLandmark, GarmentsAnswer
from lapel.tasks.base import FREE, Calibration, check_frames
from lapel.tasks.encoded_garments import EncodedGarments
from lapel.tasks.placed_garments import found_boxes, slots_of, true_garments

#: Pixels of a mask across and down, over the box.
MASK_SIDE = 28

#: Where the values of an output lie: the box, how sure it is, the category, the mask; then points.
BOX, SCORE, LABEL, MASK = slice(0, 4), 4, 5, slice(6, 6 + MASK_SIDE**2)
POINTS = MASK.stop

#: Values of a point: x, y, the probability that it can be seen.
POINT = 3

#: From this score on a garment is told to people, unless the bundle's calibration says otherwise.
THRESHOLD = 0.5

#: How far people differ about a point of which nobody said, as a share of the root of its garment's
#: area: the middle of DeepFashion2's 294 (0.0074 to 0.0726).
SIGMA = 0.04


class GarmentsTask:
    """The meaning of ``garments``.

    Outputs are float32 (N, D, 6 + 28 * 28 + 3 * points): a row a garment, the surest first. Its
    values are left, top, right and bottom as shares of the network's canvas; how sure it is, 0 to 1
    (0: no garment, the rest of the row means nothing); the number of its category; chances of 28 x
    28 places over its box, row by row from the upper left, that they are the garment's; and of all
    points of the task x and y as shares of the canvas and the probability that they can be seen.

    Targets are :class:`~lapel.tasks.encoded_garments.EncodedGarments`, weights float32 (N,):
    0 where nobody knows which garments are there.
    """

    metric = "box_ap"

    def __init__(self, spec: TaskSpec, sigmas: NDArray[np.float64] | None = None) -> None:
        """Read the task's words.

        Args:
            spec: the task.
            sigmas: how far people differ about each of ``spec.point_names``, for OKS, (P,); by
                default ``SIGMA``.
        """
        self.spec = spec
        self._names = spec.point_names
        self._sigmas = np.full(len(self._names), SIGMA) if sigmas is None else sigmas
        self._slots = slots_of(spec)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """As many rows as the network likes, each of box, score, category, mask and points."""
        return (FREE, POINTS + POINT * len(self._names))

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures by which answers are matched."""
        return ("box", "mask", *(("oks", "oks_visible") if self._names else ()))

    def encode(
        self, labels: Sequence[Label], frames: Sequence[Frame] = ()
    ) -> tuple[EncodedGarments, NDArray[np.float32]]:
        """Garments (None: nobody knows) to targets and weights.

        Args:
            labels: in pixels of the upright originals; gone through once, and read again when asked
                for, so that they may be a lazy sequence.
            frames: how the canvas shows each of them.

        Raises:
            SchemaError: a category outside the schema, points that its category does not have, or
                a label that is no garments.
            UsageError: not as many frames as labels.
        """
        weight = np.zeros(len(labels), np.float32)
        for row, label in enumerate(labels):
            if label is not None:
                self._check(label)
                weight[row] = 1.0
        return EncodedGarments(labels, frames), weight

    def _check(self, label: Label) -> None:
        if not isinstance(label, Garments):
            raise SchemaError(
                f"task '{self.spec.name}' takes garments, found {label!r}; say "
                "Garments((Garment(part=..., box=...), ...))"
            )
        for garment in label.each:
            if garment.part not in self._slots:
                self.spec.index(garment.part)  # raises the error that names what there is
            expected = len(self._slots[garment.part])
            if expected and len(garment.points) not in (0, expected):
                raise SchemaError(
                    f"task '{self.spec.name}': found a {garment.part!r} with "
                    f"{len(garment.points)} points, expected {expected}, or none at all"
                )

    def score(
        self,
        output: NDArray[np.float32],
        target: EncodedGarments,
        weight: NDArray[Any],
        calibration: Calibration | None = None,  # noqa: ARG002 - all that is found counts
    ) -> DetectionCounts:
        """Outputs against targets, in pixels of the canvas; what weighs 0 takes no part.

        Raises:
            MissingExtraError: pycocotools is not installed.
        """
        matcher = self.matcher()
        parts = [matcher.nothing()]
        for row in np.flatnonzero(weight > 0).tolist():
            garments, frame = target[row]
            if garments is None:
                continue
            canvas = _canvas_itself(frame)
            there = Garments(tuple(garment_on_canvas(one, frame) for one in garments.each))
            found = found_boxes(self.spec, list(self.found(output[row], canvas)))
            true = true_garments(self.spec, there, frame.width, frame.height)
            parts.append(matcher.match(found, true))
        return joined(parts)

    def matcher(self) -> Matcher:
        """What tells which answer is of which garment."""
        return Matcher(len(self.spec.labels), self.measures, self._sigmas)

    def decode(
        self,
        output: NDArray[np.float32],
        calibration: Calibration | None = None,
        *,
        top: int = 5,  # noqa: ARG002 - every garment is answered
        frames: Sequence[Frame] = (),
    ) -> list[Answer]:
        """Outputs to garments whose score reaches ``threshold`` of the calibration (``THRESHOLD``
        where it says nothing), in pixels of the upright originals.

        Raises:
            UsageError: not as many frames as outputs, or outputs that are no numbers.
        """
        check_frames(self.spec, frames, len(output))
        least = (calibration or {}).get("threshold", THRESHOLD)
        return [
            GarmentsAnswer(each=tuple(self.found(rows, frame, least)))
            for rows, frame in zip(output, frames, strict=True)
        ]

    def found(
        self, rows: NDArray[np.float32], frame: Frame, least: float = 0.0
    ) -> Iterator[FoundGarment]:
        """The garments of one picture's output, the surest first.

        Args:
            rows: float32 (D, values), as the network says them.
            frame: how the canvas shows the picture.
            least: the score from which on a garment is told.

        Raises:
            UsageError: values that are no numbers, a category that there is not, or a frame that
                does not tell the picture's size.
        """
        if not frame.size[0] or not frame.size[1]:
            raise UsageError(f"task '{self.spec.name}' answers with masks: a frame needs a size")
        if np.isnan(rows[:, SCORE]).any():
            raise UsageError("some answers are not finite; the network's weights are unusable")
        for place in np.argsort(-rows[:, SCORE], kind="stable").tolist():
            score = float(rows[place, SCORE])
            if score <= 0 or score < least:
                break
            one = self._garment(rows[place], score, frame)
            if one is not None:
                yield one

    def _garment(
        self, values: NDArray[np.float32], score: float, frame: Frame
    ) -> FoundGarment | None:
        """One garment; None where its box shows nothing of the picture."""
        if not np.isfinite(values).all() or not 0 <= round(float(values[LABEL])) < len(
            self.spec.labels
        ):
            raise UsageError(
                f"task '{self.spec.name}': found a garment of category {values[LABEL]} with box "
                f"{values[BOX].tolist()}; the network's weights are unusable"
            )
        edges = _edges(values[BOX], frame)
        width, height = frame.size
        left, top = max(0.0, edges[0]), max(0.0, edges[1])
        right, bottom = min(float(width), edges[2]), min(float(height), edges[3])
        if right <= left or bottom <= top:
            return None
        label = self.spec.labels[round(float(values[LABEL]))]
        chances = values[MASK].reshape(MASK_SIDE, MASK_SIDE)
        return FoundGarment(
            label=label,
            score=min(score, 1.0),
            box=Box(left, top, right - left, bottom - top),
            mask=pasted(chances, edges, width, height),
            points=self._points(values[POINTS:], label, frame),
        )

    def _points(
        self, values: NDArray[np.float32], label: str, frame: Frame
    ) -> tuple[FoundLandmark, ...]:
        each = values.reshape(-1, POINT).astype(np.float64)[self._slots[label]]
        size = np.array([frame.width, frame.height], np.float64)
        places = frame.placement.to_original(each[:, :2] * size)
        sight = np.clip(each[:, 2], 0.0, 1.0)
        names = [self._names[slot] for slot in self._slots[label]]
        return tuple(
            FoundLandmark(name=name, x=x, y=y, visible=visible)
            for name, (x, y), visible in zip(names, places.tolist(), sight.tolist(), strict=True)
        )


def _edges(box: NDArray[np.float32], frame: Frame) -> Edges:
    """Shares of the canvas as left, top, right and bottom in pixels of the original."""
    corners = box.astype(np.float64).reshape(2, 2) * (frame.width, frame.height)
    left, top, right, bottom = frame.placement.to_original(corners).ravel().tolist()
    return left, top, right, bottom


def _canvas_itself(frame: Frame) -> Frame:
    """A frame in which the canvas is the picture."""
    return Frame(
        placement=Placement(scale_x=1.0, scale_y=1.0, offset_x=0.0, offset_y=0.0),
        width=frame.width,
        height=frame.height,
        box=Box(0.0, 0.0, float(frame.width), float(frame.height)),
        size=(frame.width, frame.height),
    )
