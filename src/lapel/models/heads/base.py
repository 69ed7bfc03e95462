"""The second half of a kind of task: how it is learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from lapel.schema.labels import TaskSpec


class Learned(Protocol):
    """What each file of this folder offers for its kind of task."""

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """A module from features (N, width, h, w) to the output of ``Task.output_shape``."""
        ...

    @staticmethod
    def loss(output: Tensor, target: Tensor, weight: Tensor, options: Mapping[str, Any]) -> Tensor:
        """A scalar; 0 and without gradient where the weight is 0."""
        ...
