"""The head that answers with a number a label; the kinds of task that choose labels share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.deterministic import only_repeatable
from lapel.models.heads.base import Raw, tensor_targets
from lapel.schema.labels import TaskSpec


class LabelHead(nn.Module):
    """Features (N, width, h, w) to logits (N, labels).

    Args:
        width: channels of the features.
        labels: how many.
        options: ``pool`` (``average``, ``max``), ``dropout``, and ``hidden``, the units of a
            layer before the labels, 0 for none.
    """

    def __init__(self, width: int, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        hidden = options.get("hidden", 0)
        self.pool = pooling(options)
        self.hidden = nn.Sequential(nn.Linear(width, hidden), nn.GELU()) if hidden else None
        self.dropout = nn.Dropout(options.get("dropout", 0.0))
        self.linear = nn.Linear(hidden or width, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w) to logits (N, labels)."""
        vector: Tensor = self.pool(features).flatten(1)
        if self.hidden is not None:
            vector = self.hidden(vector)
        logits: Tensor = self.linear(self.dropout(vector))
        return logits


class LargestPool(nn.Module):
    """The largest number of each map, (N, width, h, w) to (N, width, 1, 1).

    Of several that are equal one has the gradient. torch's own pooling has no backward pass on
    CUDA that is the same each time; its maximum over places has one.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w) to (N, width, 1, 1)."""
        if only_repeatable(features):
            numbers, _ = features.flatten(2).max(2)
            return numbers[:, :, None, None]
        largest: Tensor = functional.adaptive_max_pool2d(features, 1)
        return largest


def pooling(options: Mapping[str, Any]) -> nn.Module:
    """Features (N, width, h, w) to (N, width, 1, 1), as option ``pool`` says; a 1x1 map stays."""
    if options.get("pool", "average") == "max":
        return LargestPool()
    return nn.AdaptiveAvgPool2d(1)


class LearnedLabels:
    """What the kinds that choose labels have in common: they lie nowhere in the picture."""

    spatial = False
    dense = False

    @staticmethod
    def targets(encoded: Any, device: torch.device) -> Tensor:  # noqa: ANN401 - as every kind's
        """One array, on the device."""
        return tensor_targets(encoded, device)

    @staticmethod
    def answer(raw: Raw) -> Tensor:
        """Logits are the output."""
        if not isinstance(raw, Tensor):
            raise TypeError(f"labels are answered by logits, found {type(raw).__name__}")
        return raw

    @staticmethod
    def shown(raw: Raw) -> Tensor | None:  # noqa: ARG004 - as every kind's
        """Nothing."""
        return None

    @staticmethod
    def moved(
        spec: TaskSpec,  # noqa: ARG004 - as every kind's
        target: Tensor,
        weight: Tensor,
        moves: Tensor,  # noqa: ARG004 - likewise
    ) -> tuple[Tensor, Tensor]:
        """The same targets and weights: a garment is what it is wherever it lies."""
        return target, weight
