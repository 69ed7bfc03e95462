"""What a model found in pictures and what is there, gathered picture by picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.words import categories
from lapel.imaging.preprocess import Frame
from lapel.metrics.detection import DetectionCounts
from lapel.metrics.matching import FoundBoxes, TrueGarments
from lapel.metrics.overlaps import paired, within
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garments
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import FoundGarment, FoundLandmark
from lapel.schema.run_lengths import RunLengths
from lapel.tasks.base import Calibration
from lapel.tasks.garments import THRESHOLD, GarmentsTask
from lapel.tasks.placed_garments import found_boxes, slots_of, true_garments

#: DeepFashion2's levels of a garment, and what each is called, from 1.
LEVELS = {
    "scale": ("small", "moderate", "large"),
    "occlusion": ("slight", "medium", "heavy"),
    "zoom_in": ("no", "medium", "large"),
    "viewpoint": ("no wear", "frontal", "side or back"),
}

#: Digits that are kept, of pixels, of scores and of chances to be seen: with them answers go into
#: files, so that whoever judges the files again finds the same numbers.
PIXELS, SCORES, CHANCES = 2, 6, 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundThere:
    """What was found in one picture, in little space; the surest first.

    Attributes:
        labels: category of each, int64 (D,).
        scores: float64 (D,).
        boxes: left, top, width, height in pixels, float64 (D, 4).
        masks: of each; None where none was said.
        points: x, y and the chance that it can be seen, of each its category's own, float32 (K, 3).
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]
    masks: tuple[RunLengths | None, ...]
    points: tuple[NDArray[np.float32], ...]

    def garments(self, spec: TaskSpec) -> Iterator[FoundGarment]:
        """The same as values, rounded as they were."""
        slots, names = slots_of(spec), spec.point_names
        for place, number in enumerate(self.labels.tolist()):
            label = spec.labels[number]
            rows = self.points[place].astype(np.float64)
            yield FoundGarment(
                label=label,
                score=float(self.scores[place]),
                box=Box(*self.boxes[place].tolist()),
                mask=self.masks[place],
                points=tuple(
                    FoundLandmark(
                        name=names[slot],
                        x=round(x, PIXELS),
                        y=round(y, PIXELS),
                        visible=round(seen, CHANCES),
                    )
                    for slot, (x, y, seen) in zip(slots[label], rows.tolist(), strict=False)
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPicture:
    """One judged picture.

    Attributes:
        read: its position among the pictures that could be read.
        row: its position among the rows that were judged.
        number: what files in COCO's form call it.
        size: width and height, in pixels.
        found: what the model says.
        true: what is there; without its points.
        points: x, y and state of each garment's own points, float64 (K, 3) each.
        levels: of each garment that is there, in the order of ``LEVELS``, 0 where unknown, (G, 4).
        told: how many of the surest answers reach the score from which people are told.
        pairs: (answer, garment, intersection over union of boxes) of those that are told.
    """

    read: int
    row: int
    number: int
    size: tuple[int, int]
    found: FoundThere
    true: TrueGarments
    points: tuple[NDArray[np.float64], ...]
    levels: NDArray[np.int8]
    told: int
    pairs: tuple[tuple[int, int, float], ...]

    @property
    def right(self) -> list[tuple[int, int, float]]:
        """The pairs of one category."""
        found, true = self.found.labels, self.true.labels
        return [pair for pair in self.pairs if found[pair[0]] == true[pair[1]]]

    @property
    def wrong(self) -> int:
        """How many answers that are told are not right; those in a group of their category, which
        are neither, are not among them.
        """
        crowd, labels = self.true.crowd, self.found.labels[: self.told]
        same = labels[:, None] == self.true.labels[crowd]
        wrong = ~within(self.found.boxes[: self.told], self.true.boxes[crowd], same=same)
        wrong[[answer for answer, _, _ in self.right]] = False
        return int(wrong.sum())

    @property
    def quality(self) -> float:
        """From 0 (all wrong) to 1: overlaps of right answers, by half the garments that are there
        and half the answers that are right or wrong (Kirillov et al. 2019, arXiv 1801.00868,
        equation 1, of boxes). 1 where there are none of either.
        """
        both = len(self.right) + self.wrong + int((~self.true.crowd).sum())
        return 2 * sum(shared for _, _, shared in self.right) / both if both else 1.0


class GarmentsSeen:
    """Gathers one task's answers; a :class:`~lapel.evaluation.gathering.Gatherer`.

    Attributes:
        spec: the task.
        least: the score from which people are told of a garment.
        pictures: those of which it is known what is there, in the order of the rows.
        counts: what matches what in each of them.
    """

    def __init__(
        self,
        spec: TaskSpec,
        part: Dataset,
        calibration: Calibration,
        *,
        measures: Sequence[str] | None = None,
    ) -> None:
        """Gather nothing yet.

        Args:
            spec: the model's task.
            part: the rows that are judged.
            calibration: the bundle's, for the task.
            measures: by which to match; by default all that the task has.
        """
        self.spec = spec
        self.least = calibration.get("threshold", THRESHOLD)
        self.pictures: list[SeenPicture] = []
        self.counts: list[DetectionCounts] = []
        self._task = GarmentsTask(spec, sigmas_of(spec))
        self._matcher = self._task.matcher()
        if measures is not None:
            self._matcher = replace(self._matcher, measures=tuple(measures))
        self._labels = part.labels(spec.name)
        self._sizes = part.table.select("width", "height").rows()
        self._numbers = part.image_numbers()
        self._read = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def add(
        self, rows: Sequence[int], frames: Sequence[Frame], views: Sequence[NDArray[np.float32]]
    ) -> None:
        """Judge a batch.

        Raises:
            UsageError: mirror images were looked at too.
        """
        if len(views) > 1:
            raise UsageError(
                f"task '{self.spec.name}' finds garments, and those of a picture and of its mirror "
                "image have no mean; leave out --flip"
            )
        for row, frame, output in zip(rows, frames, views[0], strict=True):
            self.keep(row, list(self._task.found(output, frame)))

    def keep(self, row: int, found: Sequence[FoundGarment]) -> None:
        """Judge what was found in one picture; where nobody knows what is there it is passed over.

        Args:
            row: its position among the rows that are judged; each call goes on after the last.
            found: garments, the surest first.
        """
        read, self._read = self._read, self._read + 1
        label = self._labels[row]
        if not isinstance(label, Garments):
            return
        width, height = self._sizes[row]
        rounded = [_rounded(one) for one in found]
        boxes = found_boxes(self.spec, rounded)
        true = true_garments(self.spec, label, width, height)
        self.counts.append(self._matcher.match(boxes, true))
        told = int((boxes.scores >= self.least).sum())
        self.pictures.append(
            SeenPicture(
                read=read,
                row=row,
                number=self._numbers[row],
                size=(width, height),
                found=_in_little(boxes, rounded),
                true=replace(true, points=np.zeros((len(true), 0, 3))),
                points=_own_points(self.spec, true),
                levels=_levels(label, true),
                told=told,
                pairs=_pairs(boxes, true, told),
            )
        )


def sigmas_of(spec: TaskSpec) -> NDArray[np.float64] | None:
    """DeepFashion2's sigmas where a task has its categories with its landmarks; else None."""
    known = {one.name: one.sigmas for one in categories()}
    if not spec.points or any(
        len(known.get(label, ())) != len(names) for label, names in spec.points.items()
    ):
        return None
    sigmas = np.zeros(len(spec.point_names))
    for label, slots in slots_of(spec).items():
        if slots:
            sigmas[slots] = known[label]
    return sigmas


def _rounded(one: FoundGarment) -> FoundGarment:
    return replace(
        one,
        score=round(one.score, SCORES),
        box=Box(*(round(edge, PIXELS) for edge in one.box)),
        points=tuple(
            replace(
                point,
                x=round(point.x, PIXELS),
                y=round(point.y, PIXELS),
                visible=round(point.visible, CHANCES),
            )
            for point in one.points
        ),
    )


def _in_little(boxes: FoundBoxes, found: Sequence[FoundGarment]) -> FoundThere:
    points = (
        np.array([(point.x, point.y, point.visible) for point in one.points], np.float32)
        for one in found
    )
    return FoundThere(
        labels=boxes.labels,
        scores=boxes.scores,
        boxes=boxes.boxes,
        masks=boxes.masks,
        points=tuple(each.reshape(-1, 3) for each in points),
    )


def _levels(label: Garments, true: TrueGarments) -> NDArray[np.int8]:
    levels = np.zeros((len(true), len(LEVELS)), np.int8)
    for row, place in enumerate(true.place.tolist()):
        facts = label.each[place].facts
        for column, (name, called) in enumerate(LEVELS.items()):
            value = facts.get(name, 0)
            if value in range(1, len(called) + 1):
                levels[row, column] = int(value)
    return levels


def _pairs(boxes: FoundBoxes, true: TrueGarments, told: int) -> tuple[tuple[int, int, float], ...]:
    """Answers that are told, and the garments that they are of; groups aside."""
    there = np.flatnonzero(~true.crowd)
    pairs = paired(boxes.boxes[:told], boxes.scores[:told], true.boxes[there])
    return tuple((answer, int(there[garment]), shared) for answer, garment, shared in pairs)


def _own_points(spec: TaskSpec, true: TrueGarments) -> tuple[NDArray[np.float64], ...]:
    slots = slots_of(spec)
    return tuple(
        points[slots[spec.labels[label]]]
        for label, points in zip(true.labels.tolist(), true.points, strict=True)
    )
