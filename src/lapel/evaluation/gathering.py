"""Answers too large to be kept are judged as they come, batch by batch.

A mask of every picture of a set would fill the memory. So kinds of task that answer pixel by pixel,
or garment by garment, name a class in their line of ``JUDGES`` that looks at each batch and keeps
what counts need of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Calibration


class Gatherer(Protocol):
    """What is found about one task, batch by batch."""

    def __len__(self) -> int:
        """How many images took part so far: were read, and have a label."""
        ...

    def add(
        self, rows: Sequence[int], frames: Sequence[Frame], views: Sequence[NDArray[np.float32]]
    ) -> None:
        """Judge a batch.

        Args:
            rows: positions of the images among the rows that are judged, (n,); each call goes on
                where the last one ended.
            frames: how the canvas showed each of them, (n,).
            views: outputs (n, ...) for the images, and for their mirror images where those were
                looked at too.
        """
        ...


#: Makes what gathers: (the model's task, the rows to judge, the bundle's calibration of the task).
#: The truth is read one at a time: ``part.labels(spec.name)[row]``.
Gather = Callable[[TaskSpec, Dataset, Calibration], Gatherer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The rows that the answer which never looks is counted on.

    Attributes:
        on: what they are, in a word: ``train``, or the images judged.
        rows: themselves; at least one has a label.
        preprocess: how the network would be shown them.
    """

    on: str
    rows: Dataset
    preprocess: Preprocess


def counted_rows(spec: TaskSpec, whole: Dataset, part: Dataset, preprocess: Preprocess) -> Counted:
    """Where the majority answer comes from: the training rows, as a learner would know it.

    Args:
        spec: the task.
        whole: the dataset, all of its splits.
        part: the rows that are judged.
        preprocess: the bundle's.
    """
    if "train" in whole.splits():
        train = whole.split("train")
        if train.table[spec.name].is_not_null().any():
            return Counted(on="train", rows=train, preprocess=preprocess)
    return Counted(on="the images judged", rows=part, preprocess=preprocess)
