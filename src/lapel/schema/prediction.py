"""What a model answers about one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lapel.schema.geometry import Box
from lapel.schema.masks import UNKNOWN_CLASS, class_run_lengths
from lapel.schema.run_lengths import RunLengths


class Answer(Protocol):
    """The answer to one task; each kind of task has its own value class."""

    def cells(self, task: str) -> dict[str, str | float | None]:
        """Columns of a table: the answer under the task's name, what belongs to it under
        ``TASK.something``.
        """
        ...

    def lines(self) -> tuple[tuple[str, float], ...]:
        """Labels and their probabilities, 0 to 1, as a person reads them one below another."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The whole answer as plain values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleLabelAnswer:
    """Exactly one of the labels.

    Attributes:
        label: the most probable label.
        probability: its calibrated probability, 0 to 1.
        top: the best labels with their probabilities, best first.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]

    def cells(self, task: str) -> dict[str, str | float | None]:
        """``TASK`` and ``TASK.probability``, then ``TASK.2``, ``TASK.2.probability``, ..."""
        row: dict[str, str | float | None] = {
            task: self.label,
            f"{task}.probability": self.probability,
        }
        for rank, (label, probability) in enumerate(self.top[1:], start=2):
            row[f"{task}.{rank}"] = label
            row[f"{task}.{rank}.probability"] = probability
        return row

    def lines(self) -> tuple[tuple[str, float], ...]:
        """The best labels, the answer first."""
        return self.top

    def to_json(self) -> dict[str, Any]:
        """``label``, ``probability`` and ``top``."""
        top = [{"label": label, "probability": value} for label, value in self.top]
        return {"label": self.label, "probability": self.probability, "top": top}


#: Between the labels of a ``multi_label`` answer in one cell of a table.
TAG_SEPARATOR = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabelAnswer:
    """Any of the labels.

    Attributes:
        labels: those that hold: probable enough for their own threshold; in the schema's order.
        probabilities: of each of them, calibrated, 0 to 1.
        top: the most probable labels, whether they hold or not, with their probabilities.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    top: tuple[tuple[str, float], ...]

    def cells(self, task: str) -> dict[str, str | float | None]:
        """``TASK`` and ``TASK.probability``, each the labels' own with ``|`` between them."""
        shown = (f"{probability:.4f}" for probability in self.probabilities)
        return {
            task: TAG_SEPARATOR.join(self.labels),
            f"{task}.probability": TAG_SEPARATOR.join(shown),
        }

    def lines(self) -> tuple[tuple[str, float], ...]:
        """The labels that hold; perhaps none."""
        return tuple(zip(self.labels, self.probabilities, strict=True))

    def to_json(self) -> dict[str, Any]:
        """``labels`` and ``top``, each with probabilities."""
        holding = zip(self.labels, self.probabilities, strict=True)
        return {
            "labels": [{"label": label, "probability": value} for label, value in holding],
            "top": [{"label": label, "probability": value} for label, value in self.top],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLandmark:
    """Where a model sees a landmark.

    Attributes:
        name: of the landmark.
        x: along a row, in pixels of the upright original; it may lie outside.
        y: down a column.
        visible: the probability that it can be seen, 0 to 1.
    """

    name: str
    x: float
    y: float
    visible: float


#: From this probability on a landmark counts as one that can be seen.
SEEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarksAnswer:
    """A place for every landmark of the task, whether it can be seen or not.

    Attributes:
        points: in the schema's order.
    """

    points: tuple[FoundLandmark, ...]

    def cells(self, task: str) -> dict[str, str | float | None]:
        """``TASK``: the names of those that can be seen, with ``|`` between them; then
        ``TASK.NAME.x``, ``TASK.NAME.y`` and ``TASK.NAME.visible`` of each.
        """
        row: dict[str, str | float | None] = {
            task: TAG_SEPARATOR.join(name for name, _ in self.lines())
        }
        for point in self.points:
            place = f"{task}.{point.name}"
            row[f"{place}.x"] = round(point.x, 2)
            row[f"{place}.y"] = round(point.y, 2)
            row[f"{place}.visible"] = round(point.visible, 4)
        return row

    def lines(self) -> tuple[tuple[str, float], ...]:
        """Those that can be seen, with the probability that they can."""
        return tuple((point.name, point.visible) for point in self.points if point.visible >= SEEN)

    def to_json(self) -> dict[str, Any]:
        """``points``, each with ``name``, ``x``, ``y`` and ``visible``."""
        return {
            "points": [
                {"name": point.name, "x": point.x, "y": point.y, "visible": point.visible}
                for point in self.points
            ]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGarment:
    """A garment that a model sees in a picture.

    Attributes:
        label: its category.
        score: how sure the model is, 0 to 1.
        box: where it is, in pixels of the upright original.
        mask: its pixels there; None where the model says none.
        points: the landmarks that its category has, in the schema's order.
    """

    label: str
    score: float
    box: Box
    mask: RunLengths | None = None
    points: tuple[FoundLandmark, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """``label``, ``score``, ``box`` (left, top, width, height), ``mask`` (run lengths in COCO's
        form), and ``points`` where there are any.
        """
        value: dict[str, Any] = {
            "label": self.label,
            "score": self.score,
            "box": list(self.box),
            "mask": None if self.mask is None else self.mask.to_json(),
        }
        if self.points:
            value["points"] = [
                {"name": point.name, "x": point.x, "y": point.y, "visible": point.visible}
                for point in self.points
            ]
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class GarmentsAnswer:
    """The garments of a picture; there may be none.

    Attributes:
        each: the surest first.
    """

    each: tuple[FoundGarment, ...]

    def cells(self, task: str) -> dict[str, str | float | None]:
        """``TASK``, ``TASK.probability`` and ``TASK.box`` (left, top, width and height, with blanks
        between them): the garments' own, with ``|`` between them.
        """
        boxes = (" ".join(f"{edge:.2f}" for edge in one.box) for one in self.each)
        return {
            task: TAG_SEPARATOR.join(one.label for one in self.each),
            f"{task}.probability": TAG_SEPARATOR.join(f"{one.score:.4f}" for one in self.each),
            f"{task}.box": TAG_SEPARATOR.join(boxes),
        }

    def lines(self) -> tuple[tuple[str, float], ...]:
        """The categories and how sure each is; one that is there twice stands twice."""
        return tuple((one.label, one.score) for one in self.each)

    def to_json(self) -> dict[str, Any]:
        """``garments``, the surest first; see :meth:`FoundGarment.to_json`."""
        return {"garments": [one.to_json() for one in self.each]}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentationAnswer:
    """One class for each pixel of the photo.

    Attributes:
        mask: uint8 (H, W), of exactly the size of the upright photo: positions in ``labels``, or
            ``UNKNOWN_CLASS`` where the network was not shown the photo.
        labels: names of the classes, in the order of the task's.
        shares: of the photo's pixels that each class has, 0 to 1, in the order of ``labels``.
    """

    mask: NDArray[np.uint8]
    labels: tuple[str, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, mask: NDArray[np.uint8], labels: tuple[str, ...]) -> Self:
        """The answer that a mask is."""
        # Rows at a time: counting takes eight bytes a pixel.
        counts = sum(np.bincount(row, minlength=UNKNOWN_CLASS + 1) for row in mask)
        shares = np.asarray(counts)[: len(labels)] / mask.size
        return cls(mask=mask, labels=labels, shares=tuple(shares.tolist()))

    __hash__ = None  # type: ignore[assignment] # its mask has none

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SegmentationAnswer):
            return NotImplemented
        return self.labels == other.labels and np.array_equal(self.mask, other.mask)

    def cells(self, task: str) -> dict[str, str | float | None]:
        """``TASK``: the classes that some pixel has, with ``|`` between them; then ``TASK.NAME``:
        the share of the pixels that each class has.
        """
        present = (name for name, share in zip(self.labels, self.shares, strict=True) if share)
        row: dict[str, str | float | None] = {task: TAG_SEPARATOR.join(present)}
        return row | {
            f"{task}.{name}": share for name, share in zip(self.labels, self.shares, strict=True)
        }

    def lines(self) -> tuple[tuple[str, float], ...]:
        """The classes that some pixel has, with their shares, the largest first."""
        present = (pair for pair in zip(self.labels, self.shares, strict=True) if pair[1])
        return tuple(sorted(present, key=lambda pair: -pair[1]))

    def to_json(self) -> dict[str, Any]:
        """``size`` (height, width) and ``classes``, each with ``label``, ``share`` and ``mask`` as
        COCO's packed run lengths.
        """
        masks = class_run_lengths(self.mask)
        classes = [
            {"label": name, "share": self.shares[place], "mask": masks[place].to_json()}
            for place, name in enumerate(self.labels)
            if place in masks
        ]
        return {"size": list(self.mask.shape), "classes": classes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """All answers about one image, in the pixels of the original.

    Attributes:
        image: its name as the caller gave it.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        answers: task name to answer, in the order of the schema.
    """

    image: str
    width: int
    height: int
    answers: Mapping[str, Answer]

    def cells(self) -> dict[str, str | float | None]:
        """One row of a table: ``image``, then each task's columns."""
        row: dict[str, str | float | None] = {"image": self.image}
        for task, answer in self.answers.items():
            row.update(answer.cells(task))
        return row

    def to_json(self) -> dict[str, Any]:
        """The prediction as plain values."""
        return {
            "image": self.image,
            "width": self.width,
            "height": self.height,
            "answers": {task: answer.to_json() for task, answer in self.answers.items()},
        }
