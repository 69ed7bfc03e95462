"""How well the class of each pixel is told: numbers with intervals, beside what never looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.evaluation.gathering import Counted
from lapel.evaluation.judged import AnswerRow, Habit, Majority, common_json
from lapel.evaluation.kinds.usual_classes import UsualClasses
from lapel.imaging.preprocess import Frame
from lapel.metrics.bootstrap import Interval, bootstrap_repeats
from lapel.metrics.segmentation import (
    LEANING,
    PerClassPixels,
    ResampledSegmentation,
    SegmentationCounts,
    SegmentationTally,
    SegmentedImages,
    segment,
)
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.schema.prediction import TAG_SEPARATOR
from lapel.tasks.base import Calibration
from lapel.tasks.segmentation import SegmentationTask


class SegmentationGatherer:
    """Judges masks as they come, on the canvas; of each image a few numbers a class are kept.

    Attributes:
        task: the model's.
        tally: what was found.
        rows: positions of the images that took part among those read.
        places: positions of the same among the rows that are judged.
        frames: how the canvas showed each of them.
    """

    def __init__(self, spec: TaskSpec, part: Dataset, calibration: Calibration) -> None:
        del calibration  # nothing is fitted
        self.task = SegmentationTask(spec)
        self.tally = SegmentationTally(len(spec.labels))
        self.rows: list[int] = []
        self.places: list[int] = []
        self.frames: list[Frame] = []
        self._labels = part.labels(spec.name)
        self._read = 0

    def __len__(self) -> int:
        return len(self.rows)

    def add(
        self, rows: Sequence[int], frames: Sequence[Frame], views: Sequence[NDArray[np.float32]]
    ) -> None:
        """Judge a batch; see ``Gatherer``."""
        logits = self.task.mean_view(views)
        for row, frame, said in zip(rows, frames, logits, strict=True):
            target = self._target(row, frame)
            if target is not None:
                self.tally.add(self.task.segmented(said, target))
                self.rows.append(self._read)
                self.places.append(row)
                self.frames.append(frame)
            self._read += 1

    def targets(self) -> Iterator[NDArray[np.uint8]]:
        """What is true of each image that took part, on the canvas, uint8 (H, W); read anew."""
        for row, frame in zip(self.places, self.frames, strict=True):
            target = self._target(row, frame)
            if target is not None:
                yield target

    def _target(self, row: int, frame: Frame) -> NDArray[np.uint8] | None:
        """The truth; None where no pixel's class is known."""
        label = self._labels[row]
        target = None if label is None else self.task.target(label, frame)
        return None if target is None or (target == UNKNOWN_CLASS).all() else target


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentationEvaluation:
    """One task judged.

    Attributes:
        spec: the task.
        rows: positions of the images that took part among those read, int64 (N,).
        places: positions of the same among the rows that were judged, int64 (N,).
        counts: what was found, in one pot.
        images: image by image.
        numbers: name to value and interval.
        majority: the baseline: each place's most frequent class.
        most_frequent: the one most frequent class everywhere, another baseline.
        usual: each class alone, as the first baseline answers it.
    """

    spec: TaskSpec
    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    counts: SegmentationCounts
    images: SegmentedImages
    numbers: Mapping[str, Interval]
    majority: Majority
    most_frequent: Majority
    usual: PerClassPixels

    NAMES: ClassVar[Mapping[str, str]] = {
        "miou": "Mean IoU",
        "weighted_iou": "IoU weighted by pixels",
        "pixel_accuracy": "Pixel accuracy",
        "mean_accuracy": "Mean accuracy of classes",
        "boundary_f1": "Boundary F1",
    }
    HEADLINES: ClassVar[tuple[str, ...]] = ("miou", "pixel_accuracy", "boundary_f1")
    CARDS: ClassVar[Mapping[str, str]] = {
        "miou": "mean IoU",
        "pixel_accuracy": "pixel accuracy",
        "boundary_f1": "boundary F1",
    }

    @cached_property
    def each(self) -> PerClassPixels:
        """Each class against all others."""
        return self.counts.per_class()

    @property
    def unseen(self) -> tuple[str, ...]:
        """The classes that no judged pixel is of."""
        true = self.each.true
        return tuple(name for name, count in zip(self.spec.labels, true, strict=True) if not count)

    @property
    def habit(self) -> Habit:
        """The one class that it gives to whole pictures most often."""
        answered, true = self.images.answered, self.images.true
        alone = (answered > 0).sum(axis=1) == 1
        classes = np.bincount(answered[alone].argmax(axis=1), minlength=len(self.spec.labels))
        most = int((classes if alone.any() else answered.sum(axis=0)).argmax())
        only = (true > 0).sum(axis=1) == 1
        return Habit(
            answer=f"{self.spec.labels[most]} everywhere",
            share=float(classes[most]) / len(self.rows),
            true_share=float((only & (true[:, most] > 0)).mean()),
            different=len(np.unique(answered > 0, axis=0)),
        )

    def per_label(self) -> list[dict[str, Any]]:
        """A row a class: ``label``; ``support``, ``tp``, ``fp``, ``fn`` and ``tn`` in pixels of the
        canvas; ``precision``, ``recall``, ``f1``, ``iou``, ``boundary_f1``; ``images`` in whose
        truth it occurs; ``usual_iou`` of the baseline.
        """
        each, total = self.each, int(self.each.true.sum())
        return [
            {
                "label": label,
                "support": int(each.true[place]),
                "tp": int(each.right[place]),
                "fp": int(each.answered[place] - each.right[place]),
                "fn": int(each.true[place] - each.right[place]),
                "tn": int(total - each.true[place] - each.answered[place] + each.right[place]),
                **{name: float(getattr(each, name)[place]) for name in _SHARES},
                "images": int(each.images[place]),
                "usual_iou": float(self.usual.iou[place]),
            }
            for place, label in enumerate(self.spec.labels)
        ]

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(true class, answered class, pixels of the canvas) of each pair that occurs."""
        labels, confusion = self.spec.labels, self.counts.confusion
        for true, answered in np.argwhere(confusion):
            yield labels[true], labels[answered], int(confusion[true, answered])

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's classes: those that some pixel has, and those that some is given."""
        names = np.array(self.spec.labels, object)
        pairs = zip(self.rows, self.images.true, self.images.answered, strict=True)
        for row, true, answered in pairs:
            yield AnswerRow(
                row=int(row),
                true=TAG_SEPARATOR.join(names[true > 0]),
                predicted=TAG_SEPARATOR.join(names[answered > 0]),
                probability="",
            )

    def classes(self) -> Iterator[tuple[int, str, Sequence[float]]]:
        """(image by its position in ``rows``, class, numbers) of every class that an image has or
        is given: pixels of the canvas that are of it, that are called so, and both; IoU; boundary
        F1 (NaN where it is not there).
        """
        images, ious = self.images, self.images.iou
        for place, found in np.argwhere((images.true > 0) | (images.answered > 0)).tolist():
            at = (place, found)
            pixels = (int(one[at]) for one in (images.true, images.answered, images.right))
            numbers = (*pixels, float(ious[at]), float(images.boundary[at]))
            yield place, self.spec.labels[found], numbers

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return common_json(self) | {
            "majority": _majority_json(self.majority),
            "most_frequent_class": _majority_json(self.most_frequent),
            "measured_on": "the network's canvas, the pixels of all images in one pot",
            "classes_without_a_pixel": list(self.unseen),
            "per_label": self.per_label(),
            "confusion": self.counts.confusion.tolist(),
        }


_SHARES = ("precision", "recall", "f1", "iou", "boundary_f1")


def _majority_json(majority: Majority) -> dict[str, Any]:
    return {
        "labels": list(majority.labels),
        "counted_on": majority.counted_on,
        "numbers": dict(majority.numbers),
    }


def judge_segmentation(
    spec: TaskSpec,
    gathered: SegmentationGatherer,
    calibration: Calibration,
    *,
    counted: Counted,
    resamples: int,
) -> SegmentationEvaluation:
    """Judge the answers to one task.

    Args:
        spec: the task.
        gathered: what was found, image by image.
        calibration: the bundle's, for this task; nothing is fitted.
        counted: rows for the answers that never look.
        resamples: of the bootstrap.

    Raises:
        SchemaError: a class that the task does not have.
    """
    del calibration
    images = gathered.tally.images()
    usual = UsualClasses.of(gathered.task, counted)
    everywhere = np.full_like(usual.places, usual.most)
    by_place, by_class = (SegmentationTally(len(spec.labels)) for _ in range(2))
    for target in gathered.targets():
        by_place.add(segment(usual.places, target, len(spec.labels)))
        by_class.add(segment(everywhere, target, len(spec.labels)))
    return SegmentationEvaluation(
        spec=spec,
        rows=np.array(gathered.rows, np.int64),
        places=np.array(gathered.places, np.int64),
        counts=gathered.tally.counts,
        images=images,
        numbers=bootstrap_repeats(
            ResampledSegmentation(images), len(images), resamples=resamples, leaning=LEANING
        ),
        majority=Majority(
            labels=("each place's most frequent class",),
            counted_on=counted.on,
            numbers=by_place.counts.numbers(),
        ),
        most_frequent=Majority(
            labels=(f"{spec.labels[usual.most]} everywhere",),
            counted_on=counted.on,
            numbers=by_class.counts.numbers(),
        ),
        usual=by_place.counts.per_class(),
    )
