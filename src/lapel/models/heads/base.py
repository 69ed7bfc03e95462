"""The second half of a kind of task: how it is learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from lapel.schema.labels import TaskSpec


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
    """What each file of this folder offers for its kind of task."""

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """A module from features (N, width, h, w) to the output of ``Task.output_shape``."""
        ...

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:
        """The labels of encoded targets and weights, both (N, ...), counted."""
        ...

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:
        """A module from output, target and weight to a scalar.

        It is 0 and has no gradient where the weight is 0. The options are those of a recipe's
        ``loss``, and ``heads``.
        """
        ...
