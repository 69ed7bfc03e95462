"""The one idea: a Task is a question asked of a photo.

A kind of task has two halves. This is the face of the first, its meaning, in numpy; the
second, how it is learned, is in ``lapel/models/heads``. Adding a kind is adding a file to
each half and a line to each table (``lapel.tasks.kinds.KINDS``,
``lapel.models.heads.table.HEADS``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame
from lapel.schema.annotation import Label
from lapel.schema.errors import UsageError
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import Answer

#: What was fitted on validation after learning, for one task: ``temperature``, for tags also
#: ``threshold.LABEL`` for each label. Kept in the bundle beside the network.
Calibration = Mapping[str, float]


#: In an output's shape: a size that depends on the canvas, or on the picture. Outputs with one are
#: far larger than answers: they are looked at a few pictures at a time.
FREE = -1


def fits(found: Sequence[int], expected: Sequence[int]) -> bool:
    """Whether a shape is as expected, where ``FREE`` stands for any size."""
    return len(found) == len(expected) and all(
        size in {FREE, there} for there, size in zip(found, expected, strict=True)
    )


def check_frames(spec: TaskSpec, frames: Sequence[Frame], count: int) -> None:
    """See that a task that answers with places has a frame for each picture.

    Raises:
        UsageError: it has another number of them.
    """
    if len(frames) != count:
        raise UsageError(
            f"task '{spec.name}' answers with places: it needs a frame for each of {count} "
            f"pictures, found {len(frames)}; see Preprocess.frame"
        )


class Counts(Protocol):
    """What a score adds up, over batches and machines, before it becomes numbers."""

    def __add__(self, other: Self) -> Self:
        """The counts of both together."""
        ...

    def numbers(self) -> dict[str, float]:
        """Metric name to value; the names are the ones reports and logs use."""
        ...


class CountsInTurn:
    """Counts that come in turn, batch by batch, added up in pairs, pairs of pairs and so on.

    Counts of garments grow with what they count: added to all before them, each would copy all.
    """

    def __init__(self) -> None:
        #: How many were added to what, the largest first.
        self._parts: list[tuple[int, Counts]] = []

    def add(self, counts: Counts) -> None:
        """Take the next ones."""
        number = 1
        while self._parts and self._parts[-1][0] == number:
            counts = self._parts.pop()[1] + counts
            number *= 2
        self._parts.append((number, counts))

    def total(self) -> Counts:
        """The counts of all, in their order; of one at least."""
        parts = [counts for _, counts in reversed(self._parts)]
        return reduce(lambda later, earlier: earlier + later, parts)


class Task(Protocol):
    """The meaning of one question.

    Attributes:
        spec: its name, kind and labels.
        metric: the number by which epochs are compared, one of ``Counts.numbers()``; more
            is better.
    """

    spec: TaskSpec
    metric: str

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one image; ``FREE`` where a size is."""
        ...

    def encode(
        self, labels: Sequence[Label], frames: Sequence[Frame] = ()
    ) -> tuple[Any, NDArray[Any]]:
        """Labels as annotated to targets and weights, both (N, ...); 0 weighs the unknown.

        Args:
            labels: as annotated; places are in pixels of the upright originals.
            frames: how the network's canvas shows each picture; needed by kinds that answer with
                places, whose targets lie on the canvas.

        Raises:
            SchemaError: a label outside the schema.
        """
        ...

    def score(
        self,
        output: NDArray[np.float32],
        target: Any,  # noqa: ANN401 - garments are ragged, so they are no array
        weight: NDArray[Any],
        calibration: Calibration | None = None,
    ) -> Counts:
        """Outputs (N, ...) against targets, as counts that add up."""
        ...

    def decode(
        self,
        output: NDArray[np.float32],
        calibration: Calibration | None = None,
        *,
        top: int = 5,
        frames: Sequence[Frame] = (),
    ) -> list[Answer]:
        """Outputs (N, ...) to N answers; places lead back to the originals through ``frames``."""
        ...
