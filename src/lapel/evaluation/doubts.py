"""How much a network doubts its answers about one task, found batch by batch.

Answers of labels and places are small: they are kept, and told from later. Pixels and garments are
looked at as they come, and only their doubt is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.gathering import Gatherer
from lapel.imaging.preprocess import Frame
from lapel.inference.embedding import unit
from lapel.metrics.classification import softmax
from lapel.metrics.overlaps import paired, within
from lapel.review.doubt import (
    Measure,
    Probabilities,
    disagreement,
    mean_where,
    one_hot,
    told_or_not,
    yes_or_no,
)
from lapel.schema.annotation import Label
from lapel.schema.garments import Garments
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.schema.prediction import Answer
from lapel.tasks.base import Calibration
from lapel.tasks.garments import SCORE, THRESHOLD, GarmentsTask
from lapel.tasks.kinds import task_of
from lapel.tasks.landmarks import LandmarksTask
from lapel.tasks.multi_label import MultiLabelTask
from lapel.tasks.segmentation import SegmentationTask
from lapel.tasks.single_label import SingleLabelTask

#: Landmarks so far from where they were put, as a share of the garment's sides, are elsewhere.
ELSEWHERE = 0.1


class Doubts(Gatherer, Protocol):
    """What is found about one task."""

    def own(self, measure: Measure) -> NDArray[np.float64]:
        """The network's own doubt of each image, 0 to 1, float64 (N,)."""
        ...

    def of_labels(self, labels: Sequence[Label]) -> NDArray[np.float64]:
        """How far the answers are from labels, 0 to 1, (N,); NaN where nothing is known.

        Args:
            labels: of the images, in their order.
        """
        ...


class SmallAnswers:
    """Of tasks that are answered with labels or places, whose outputs are kept."""

    def __init__(self, spec: TaskSpec, calibration: Calibration | None) -> None:
        self.spec = spec
        self._calibration = calibration
        self._outputs: list[NDArray[np.float32]] = []
        self._frames: list[Frame] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self,
        rows: Sequence[int],  # noqa: ARG002 - what follows is in their order
        frames: Sequence[Frame],
        views: Sequence[NDArray[np.float32]],
    ) -> None:
        """Keep a batch."""
        self._outputs.append(views[0])
        self._frames += frames

    @property
    def outputs(self) -> NDArray[np.float32]:
        """Of all images, (N, ...)."""
        task = task_of(self.spec)
        nothing = np.zeros((0, *task.output_shape), np.float32)
        return np.concatenate(self._outputs) if self._outputs else nothing

    def probabilities(self) -> Probabilities:
        """The options of each thing asked, (N, units, options)."""
        return _PROBABILITIES[self.spec.kind](self.spec, self.outputs, self._calibration)

    def own(self, measure: Measure) -> NDArray[np.float64]:
        """The mean of what is asked: of all tags, of all landmarks."""
        return np.asarray(measure(self.probabilities()).mean(axis=1))

    def of_labels(self, labels: Sequence[Label]) -> NDArray[np.float64]:
        """The mean of what is known."""
        task = task_of(self.spec)
        target, weight = task.encode(labels, self._frames)
        if isinstance(task, SingleLabelTask):
            truth, weight = one_hot(target, len(self.spec.labels))[:, None], weight[:, None]
        elif isinstance(task, LandmarksTask):
            apart = np.maximum(
                disagreement(self.probabilities(), yes_or_no(target[..., -1].astype(float))),
                _elsewhere(self.outputs, target, weight),
            )
            return mean_where(apart, weight[..., 1].astype(float))
        else:
            truth = yes_or_no(target.astype(np.float64))
        return mean_where(disagreement(self.probabilities(), truth), weight.astype(float))

    def answers(self, places: Sequence[int], top: int) -> list[Answer]:
        """What is answered about some of the images, by their positions."""
        frames = [self._frames[place] for place in places]
        rows = self.outputs[np.asarray(places, np.int64)]
        return task_of(self.spec).decode(rows, self._calibration, top=top, frames=frames)


def _single_label(
    spec: TaskSpec, output: NDArray[np.float32], calibration: Calibration | None
) -> Probabilities:
    return SingleLabelTask(spec).probabilities(output, calibration)[:, None]


def _multi_label(
    spec: TaskSpec, output: NDArray[np.float32], calibration: Calibration | None
) -> Probabilities:
    return yes_or_no(MultiLabelTask(spec).probabilities(output, calibration))


def _landmarks(
    spec: TaskSpec, output: NDArray[np.float32], calibration: Calibration | None
) -> Probabilities:
    return yes_or_no(LandmarksTask(spec).visible(output, calibration))


_PROBABILITIES: Mapping[
    str, Callable[[TaskSpec, NDArray[np.float32], Calibration | None], Probabilities]
] = {"single_label": _single_label, "multi_label": _multi_label, "landmarks": _landmarks}


def _elsewhere(
    output: NDArray[np.float32], target: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float64]:
    """How far landmarks are from where they were put, (N, labels): 1 from ``ELSEWHERE`` on."""
    known = weight[..., 0] > 0
    sides = np.where(known[..., None], target[..., 2:4], 1.0)
    away = np.linalg.norm((output[..., :2] - target[..., :2]) / sides, axis=-1)
    return np.where(known, np.minimum(away / ELSEWHERE, 1.0), 0.0)


@dataclass(kw_only=True)
class _Looked(ABC):
    """What two kinds that are not kept have in common: one number an image.

    Attributes:
        spec: the task.
        calibration: the bundle's, of the task.
        measure: of the network's own doubt; None: labels are compared with.
        labels: of all images that are looked at, by their rows.
        found: so far.
    """

    spec: TaskSpec
    calibration: Calibration | None
    measure: Measure | None
    labels: Sequence[Label]
    found: list[float]

    def __len__(self) -> int:
        return len(self.found)

    def add(
        self, rows: Sequence[int], frames: Sequence[Frame], views: Sequence[NDArray[np.float32]]
    ) -> None:
        """Look at a batch, and forget it."""
        for row, frame, output in zip(rows, frames, views[0], strict=True):
            if self.measure is None:
                self.found.append(self._apart(output, self.labels[row], frame))
            else:
                self.found.append(self._doubt(output, frame, self.measure))

    def own(self, measure: Measure) -> NDArray[np.float64]:  # noqa: ARG002 - measured already
        """As it was measured."""
        return np.array(self.found)

    def of_labels(self, labels: Sequence[Label]) -> NDArray[np.float64]:  # noqa: ARG002 - as above
        """As it was compared."""
        return np.array(self.found)

    @abstractmethod
    def _doubt(self, output: NDArray[np.float32], frame: Frame, measure: Measure) -> float:
        """Of one image, 0 to 1."""

    @abstractmethod
    def _apart(self, output: NDArray[np.float32], label: Label, frame: Frame) -> float:
        """How far one image's answer is from its label, 0 to 1."""


class PixelDoubts(_Looked):
    """Of a class a pixel: the mean doubt of the pixels that show the photo."""

    def _doubt(self, output: NDArray[np.float32], frame: Frame, measure: Measure) -> float:
        left, top, right, bottom = frame.shown or (0, 0, frame.width, frame.height)
        across, down = output.shape[2] / frame.width, output.shape[1] / frame.height
        seen = output[
            :,
            int(top * down) : max(int(top * down) + 1, round(bottom * down)),
            int(left * across) : max(int(left * across) + 1, round(right * across)),
        ]
        pixels = softmax(seen.reshape(len(seen), -1).T.astype(np.float64))
        return float(measure(pixels).mean())

    def _apart(self, output: NDArray[np.float32], label: Label, frame: Frame) -> float:
        """The share of the known pixels that are of another class."""
        if label is None:
            return np.nan
        task = SegmentationTask(self.spec)
        target = task.target(label, frame)
        known = target != UNKNOWN_CLASS
        if not known.any():
            return np.nan
        counts = task.segmented(output, target).counts()
        return 1.0 - counts.numbers()["pixel_accuracy"]


class GarmentDoubts(_Looked):
    """Of several garments: the doubt whether that garment is told which is told, or left out, by
    the slightest lead.
    """

    def _doubt(
        self,
        output: NDArray[np.float32],
        frame: Frame,  # noqa: ARG002 - scores lie nowhere
        measure: Measure,
    ) -> float:
        threshold = (self.calibration or {}).get("threshold", THRESHOLD)
        scores = np.clip(output[:, SCORE].astype(np.float64), 0.0, 1.0)
        told = told_or_not(scores[scores > 0], threshold)
        return float(measure(told).max()) if len(told) else 0.0

    def _apart(self, output: NDArray[np.float32], label: Label, frame: Frame) -> float:
        """1 less F1 of the garments told against those that were labelled; a pair has the same
        category, and shares half of both boxes' area. Groups, and what lies in one of its category,
        are left aside.
        """
        if not isinstance(label, Garments):
            return np.nan
        threshold = (self.calibration or {}).get("threshold", THRESHOLD)
        told = list(GarmentsTask(self.spec).found(output, frame, threshold))
        marked = [one for one in label.each if one.box is not None]
        there = [one for one in marked if not one.is_crowd]
        groups = [one for one in marked if one.is_crowd]
        boxes = _boxes(one.box for one in told)
        scores = np.array([one.score for one in told], np.float64)
        pairs = paired(boxes, scores, _boxes(one.box for one in there))
        right = [mine for mine, its, _ in pairs if told[mine].label == there[its].part]
        same = [[one.label == group.part for group in groups] for one in told]
        aside = within(
            boxes,
            _boxes(one.box for one in groups),
            same=np.array(same, np.bool_).reshape(len(told), len(groups)),
        )
        aside[right] = False
        known = len(told) - int(aside.sum()) + len(there)
        return 1.0 - 2 * len(right) / known if known else 0.0


def _boxes(each: Iterable[Sequence[float] | None]) -> NDArray[np.float64]:
    """Boxes as an array (N, 4); all are known."""
    return np.array(list(each), np.float64).reshape(-1, 4)


_LOOKED: Mapping[str, type[_Looked]] = {"segmentation": PixelDoubts, "garments": GarmentDoubts}


class KeptVectors:
    """The vectors of photos in half precision, which tells near-twins all the same."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float16]] = []

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def add(
        self,
        rows: Sequence[int],  # noqa: ARG002 - what follows is in their order
        frames: Sequence[Frame],  # noqa: ARG002 - vectors lie nowhere
        views: Sequence[NDArray[np.float32]],
    ) -> None:
        """Keep a batch."""
        self._parts.append(unit(views[0]).astype(np.float16))

    def all(self) -> NDArray[np.float16]:
        """Of all photos looked at, float16 (N, width)."""
        return np.concatenate(self._parts)


def doubts_of(
    spec: TaskSpec,
    calibration: Calibration | None,
    *,
    measure: Measure | None,
    labels: Sequence[Label],
) -> Doubts:
    """What finds out how much a network doubts its answers about one task.

    Args:
        spec: the task.
        calibration: the bundle's, of the task.
        measure: of the network's own doubt; None: answers are compared with labels.
        labels: of all images that are looked at; may be empty where there is a measure.
    """
    if spec.kind in _PROBABILITIES:
        return SmallAnswers(spec, calibration)
    return _LOOKED[spec.kind](
        spec=spec, calibration=calibration, measure=measure, labels=labels, found=[]
    )
