"""How well landmarks are found: numbers with intervals, beside places that never look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import AnswerRow, Habit, Majority, common_json
from lapel.evaluation.kinds.usual_places import UsualPlaces
from lapel.imaging.preprocess import Frame
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.landmarks import (
    SEEN_FROM,
    LandmarkCounts,
    LocatedImages,
    PerLandmark,
    ResampledLandmarks,
)
from lapel.schema.annotation import Label
from lapel.schema.geometry import Box, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import TAG_SEPARATOR, LandmarksAnswer
from lapel.tasks.base import Calibration
from lapel.tasks.landmarks import LandmarksTask

#: Answers that lie no farther from their median than this share of the canvas hardly move.
HARDLY = 0.05

#: Pairs of landmarks are measured for so many rows at a time.
BLOCK = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandmarksEvaluation:
    """One task judged.

    Attributes:
        spec: the task.
        rows: positions of the images of which something is known among those read, int64 (N,).
        labels: what is known of each of them, in pixels of the originals, (N,).
        frames: how the canvas showed each of them, (N,).
        output: what the network said, on the canvas, float32 (N, labels, 3).
        target: what is true, likewise, float32 (N, labels, 5); see ``LandmarksTask``.
        located: the answers beside the truth, image by image.
        usual: the same for the baseline.
        each: every landmark alone.
        numbers: name to value and interval.
        majority: the baseline: the mean place of each landmark in the box, and how often it can
            be seen.
        calibration: what was fitted for the task.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    labels: tuple[Landmarks, ...]
    frames: tuple[Frame, ...]
    output: NDArray[np.float32]
    target: NDArray[np.float32]
    located: LocatedImages
    usual: LocatedImages
    each: PerLandmark
    numbers: Mapping[str, Interval]
    majority: Majority
    calibration: Calibration

    NAMES: ClassVar[Mapping[str, str]] = {
        "ne": "Normalised error (NE)",
        "pck10": "Found within 0.1 (PCK@0.1)",
        "pck20": "Found within 0.2 (PCK@0.2)",
        "pdl": "Found within 10/224 (PDL)",
        "auc": "Area under the share found",
        "visibility_accuracy": "Visibility told right",
    }
    HEADLINES: ClassVar[tuple[str, ...]] = ("ne", "pck10", "visibility_accuracy")
    CARDS: ClassVar[Mapping[str, str]] = {
        "ne": "normalised error",
        "pck10": "found within 0.1",
        "pck20": "found within 0.2",
        "visibility_accuracy": "visibility right",
    }

    @property
    def habit(self) -> Habit:
        """Whether it answers the same places whatever it sees."""
        answer = self.output[..., :2].astype(np.float64)
        usual = np.median(answer, axis=0)
        still = (np.linalg.norm(answer - usual, axis=-1) <= HARDLY).all(axis=1)
        true = np.linalg.norm(self.target[..., :2] - usual, axis=-1) <= HARDLY
        # A hundredth of the canvas tells one answer from another.
        different = np.unique(np.round(answer * 100).reshape(len(answer), -1), axis=0)
        return Habit(
            answer="its usual places",
            share=float(still.mean()),
            true_share=float((true | ~self.located.measured).all(axis=1).mean()),
            different=len(different),
        )

    def found(self, place: int) -> LandmarksAnswer:
        """The answer for one image, in pixels of the original; by its position in ``rows``."""
        one = slice(place, place + 1)
        (answer,) = LandmarksTask(self.spec).decode(
            self.output[one], self.calibration, frames=self.frames[one]
        )
        if not isinstance(answer, LandmarksAnswer):
            raise TypeError(f"a landmarks task answered with {type(answer).__name__}")
        return answer

    def per_label(self) -> list[dict[str, Any]]:
        """A row a landmark: ``label``; ``support`` (images in which it can be seen), ``tp``,
        ``fp``, ``fn``, ``tn``, ``precision``, ``recall`` and ``f1`` of telling that it can be
        seen; ``points`` measured, and their ``ne``, ``pck10``, ``pck20``, ``pdl`` and ``auc``;
        ``usual_ne`` of the baseline.
        """
        each = self.each
        usual = self.usual.counts().per_landmark().ne
        return [
            {
                "label": label,
                **_visibility(*(int(getattr(each, name)[index]) for name in _COUNTS)),
                "points": int(each.points[index]),
                **{name: float(getattr(each, name)[index]) for name in _MEANS},
                "usual_ne": float(usual[index]),
            }
            for index, label in enumerate(self.spec.labels)
        ]

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(landmark, the visible landmark nearest to its answer, images) of each pair that
        occurs: an answer that lies at another landmark was taken for it.
        """
        labels = self.spec.labels
        counts = self._nearest()
        for true, answered in np.argwhere(counts):
            yield labels[true], labels[answered], int(counts[true, answered])

    def _nearest(self) -> NDArray[np.int64]:
        """How often each landmark's answer (row) lies nearest to each true one (column)."""
        size = len(self.spec.labels)
        counts = np.zeros((size, size), np.int64)
        for start in range(0, len(self.rows), BLOCK):
            part = slice(start, start + BLOCK)
            there = self.located.measured[part]
            box = np.where(there[..., None], self.target[part, :, 2:4], 1.0)
            away = self.output[part, :, None, :2] - self.target[part, None, :, :2]
            distance = np.linalg.norm(away / box[:, :, None], axis=-1)
            distance[~np.broadcast_to(there[:, None], distance.shape)] = np.inf
            image, label = np.nonzero(there)
            np.add.at(counts, (label, distance[image, label].argmin(axis=1)), 1)
        return counts

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's visible landmarks, those that are so and those it says."""
        names = np.array(self.spec.labels, object)
        located = self.located
        for place, row in enumerate(self.rows):
            told, said = located.told[place], located.said[place]
            answered = said >= SEEN_FROM
            yield AnswerRow(
                row=int(row),
                true=TAG_SEPARATOR.join(names[told & located.visible[place]]),
                predicted=TAG_SEPARATOR.join(names[answered]),
                probability=TAG_SEPARATOR.join(f"{one:.4f}" for one in said[answered]),
                unknown=TAG_SEPARATOR.join(names[~told]),
            )

    def points(self) -> Iterator[tuple[int, str, str, Sequence[float]]]:
        """(image by its position in ``rows``, landmark, state, numbers) of every landmark of
        which anything is known: true x and y (NaN where there is no place), answered x and y, all
        in pixels of the original; the probability that it can be seen; and the distance in boxes
        (NaN where none is measured).
        """
        for place, label in enumerate(self.labels):
            answers = {point.name: point for point in self.found(place).points}
            distances = dict(zip(self.spec.labels, self.located.distance[place], strict=True))
            for name in (*label.points, *label.cut):
                point, found = label.points.get(name), answers[name]
                true = (float("nan"),) * 2 if point is None else (point.x, point.y)
                numbers = (*true, found.x, found.y, found.visible, float(distances[name]))
                yield place, name, state_of(label, name), numbers

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return common_json(self) | {
            "majority": {
                "labels": list(self.majority.labels),
                "counted_on": self.majority.counted_on,
                "numbers": dict(self.majority.numbers),
            },
            "normalised_by": "width and height of the box; of the picture where there is none",
            "points": int(self.each.points.sum()),
            "per_label": self.per_label(),
        }


_COUNTS = ("tp", "fp", "fn", "tn")
_MEANS = ("ne", "pck10", "pck20", "pdl", "auc")


def state_of(label: Landmarks, name: str) -> str:
    """What is known of a landmark, in a word of the dataset's table."""
    if name in label.points:
        return "visible" if label.points[name].visible else "hidden"
    return "cut" if name in label.cut else "unknown"


def _visibility(tp: int, fp: int, fn: int, tn: int) -> dict[str, Any]:
    """Counts and shares of telling whether a landmark can be seen; 0/0 is 0."""
    return {
        "support": tp + fn,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn) if tp + fn else 0.0,
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
    }


def judge_landmarks(
    spec: TaskSpec,
    views: Sequence[NDArray[np.float32]],
    labels: Sequence[Label],
    calibration: Calibration,
    *,
    counted: tuple[str, Sequence[Label]],
    resamples: int,
    frames: Sequence[Frame],
    boxes: Sequence[Box],
) -> LandmarksEvaluation:
    """Judge the answers to one task.

    Args:
        spec: the task.
        views: outputs (N, labels, 3) for the images, and for their mirror images where those were
            looked at too: places and logits are then averaged.
        labels: the N labels as annotated; images of which nothing is known take no part.
        calibration: the bundle's, for this task.
        counted: a split's name and its labels, for the baseline.
        resamples: of the bootstrap.
        frames: how the canvas showed each image, (N,).
        boxes: of the labels in ``counted``; the whole picture where nobody knows one.

    Raises:
        SchemaError: a landmark that the task does not have.
    """
    task = LandmarksTask(spec)
    target, weight = task.encode(labels, frames)
    rows = np.flatnonzero(weight.any(axis=(1, 2)))
    target, weight = target[rows], weight[rows]
    known = [labels[row] for row in rows.tolist()]
    seen = tuple(frames[row] for row in rows.tolist())
    output = _one_view(task, [view[rows] for view in views])
    located = task.located(output, target, weight, calibration)
    usual = UsualPlaces.of(spec, counted[1], boxes)
    always = task.located(usual.outputs(seen), target, weight)
    return LandmarksEvaluation(
        spec=spec,
        rows=rows,
        labels=tuple(label for label in known if isinstance(label, Landmarks)),
        frames=seen,
        output=output,
        target=target,
        located=located,
        usual=always,
        each=located.counts().per_landmark(),
        numbers=bootstrap(ResampledLandmarks(located), len(located), resamples=resamples),
        majority=_majority(counted[0], always.counts()),
        calibration=calibration,
    )


def _one_view(task: LandmarksTask, views: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of what was said of the pictures and of their mirror images."""
    if len(views) == 1:
        return views[0]
    plain, mirrored = views
    return np.asarray((plain + task.unmirrored(mirrored)) / 2, np.float32)


def _majority(counted_on: str, counts: LandmarkCounts) -> Majority:
    return Majority(
        labels=("the mean place of each landmark in the box",),
        counted_on=counted_on,
        numbers=counts.numbers(),
    )
