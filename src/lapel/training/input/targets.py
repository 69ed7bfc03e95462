"""What is known of pictures, as training takes it: encoded for the canvas, task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.data.masks import MaskLabels
from lapel.data.progress import Track
from lapel.imaging.preprocess import Frame
from lapel.models.heads.base import Targets
from lapel.models.heads.table import HEADS
from lapel.schema.labels import TaskSpec
from lapel.tasks.kinds import task_of
from lapel.training.input.class_maps import CachedMaps, class_map_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """All that making the targets of a dataset needs.

    Attributes:
        frames: how the canvas shows each picture; none where no task is answered with places.
        device: where targets go if they fit.
        memory: free bytes on it.
        cached: whether large ones may be kept on the disk.
        track: shows how far it is.
        say: told of what is worth a line.
    """

    frames: Sequence[Frame]
    device: torch.device
    memory: int
    cached: bool
    track: Track
    say: Callable[[str], None]

    def encoded(self, dataset: Dataset, spec: TaskSpec) -> tuple[Targets, Tensor]:
        """Targets and weights of a task."""
        labels = dataset.labels(spec.name)
        if isinstance(labels, MaskLabels):
            return class_map_targets(
                spec,
                labels,
                self.frames,
                device=self.device,
                memory=self.memory,
                cached=self.cached,
                track=self.track,
                say=self.say,
            )
        target, weight = task_of(spec).encode(labels, self.frames)
        made = HEADS[spec.kind].targets(target, self.device)
        return made, torch.from_numpy(weight).to(self.device)


def some(targets: Targets, rows: Tensor) -> Targets:
    """A task's targets of some pictures, by row number."""
    if isinstance(targets, CachedMaps):
        return targets.only(rows)
    found: Targets = targets[rows.to(targets.device)]
    return found


def bytes_of(targets: Mapping[str, Targets]) -> int:
    """Bytes of those targets of tasks that lie in memory as tensors."""
    return sum(part.nbytes for part in targets.values() if isinstance(part, Tensor))


def tensor_of(targets: Targets) -> Tensor:
    """The targets of a task of labels, which are a tensor.

    Raises:
        TypeError: they are those of a task of places.
    """
    if not isinstance(targets, Tensor):
        raise TypeError(f"targets of labels are a tensor, found {type(targets).__name__}")
    return targets
