"""The second half of a kind of task: how it is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.schema.labels import TaskSpec


class Targets(Protocol):
    """What is known of some pictures for one task: a tensor (N, ...), or what behaves like one."""

    def __len__(self) -> int:
        """How many pictures."""
        ...

    def __getitem__(self, rows: Tensor, /) -> Any:  # noqa: ANN401 - a tensor's own is as free
        """Of some of them, by number, int64 (n,), on the device of the targets."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        ...


class MapsHead(nn.Module, ABC):
    """A head that looks at maps of several strides, rather than at the features alone."""

    @abstractmethod
    def forward(self, maps: Sequence[Tensor]) -> Raw:
        """Maps (N, their width, their h, their w), the finest first, to what the loss takes."""


class LandmarkMaps(NamedTuple):
    """What a network says of landmarks before their places are read.

    Attributes:
        heatmaps: (N, L, h, w).
        visible: logits (N, L).
        by_mean: places are the means of the maps, taken as logits, rather than their peaks.
    """

    heatmaps: Tensor
    visible: Tensor
    by_mean: bool = False


class Finder(Protocol):
    """Who finds garments; see ``lapel.models.detector``."""

    def loss(self, said: Any, rows: Tensor, truths: Sequence[Any]) -> Tensor:  # noqa: ANN401 - each has its own
        """How wrong what it said of some pictures is."""
        ...

    def found(self, said: Any) -> Tensor:  # noqa: ANN401 - likewise
        """The garments, as outputs of the task."""
        ...


class Detected(NamedTuple):
    """What a network says of pictures before their garments are told from each other.

    Attributes:
        detector: that goes on from there.
        said: what it made of the pictures, in its own form.
    """

    detector: Finder
    said: Any


def tensor_targets(encoded: NDArray[Any], device: torch.device) -> Tensor:
    """Targets that are one array of moderate size."""
    return torch.from_numpy(encoded).to(device)


#: What heads say and losses take: the outputs themselves, or what they are read from.
Raw = Tensor | LandmarkMaps | Detected


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """How often each label of a task holds among the training pictures.

    Attributes:
        yes: float32 (labels,), pictures of which it is known to hold.
        known: float32 (labels,), pictures of which it is known whether it holds.
    """

    yes: Tensor
    known: Tensor


class Learned(Protocol):
    """What each file of this folder offers for its kind of task.

    Attributes:
        spatial: it answers with places; so its head needs features that are not pooled, and its
            targets move with the pictures.
        dense: its outputs are far larger than its answers, maps of pixels, say: they are scored
            batch by batch, and never kept for a whole set.
    """

    spatial: bool
    dense: bool

    @staticmethod
    def targets(encoded: Any, device: torch.device) -> Targets:  # noqa: ANN401 - each kind has its own
        """What ``Task.encode`` gave as targets, as training takes it; on the device, or where it
        fits.
        """
        ...

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """A module from features (N, width, h, w) to what the loss takes."""
        ...

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:
        """The labels of encoded targets and weights, both (N, ...), counted."""
        ...

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:
        """A module from what the head says, target and weight to a scalar.

        It is 0 and has no gradient where the weight is 0. The options are those of a recipe's
        ``loss``, and ``heads``.
        """
        ...

    @staticmethod
    def answer(raw: Raw) -> Tensor:
        """What the head says to the output of ``Task.output_shape``; exported with the network."""
        ...

    @staticmethod
    def shown(raw: Raw) -> Tensor | None:
        """Maps (N, labels, h, w) in what the head says that people may look at, or None."""
        ...

    @staticmethod
    def moved(
        spec: TaskSpec, target: Tensor, weight: Tensor, moves: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Targets and weights of pictures that were moved.

        Args:
            spec: the task.
            target: (N, ...), as encoded.
            weight: likewise.
            moves: float32 (N, 2, 3): from a place (x, y, 1) on the canvas, in shares of it, to
                where it is now. A determinant below 0 is a mirror image.
        """
        ...
