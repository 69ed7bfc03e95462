"""How exactly one of several labels is learned: pooled features, a linear layer, cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from lapel.schema.labels import TaskSpec


class SingleLabelHead(nn.Module):
    """Features (N, width, h, w) to logits (N, labels)."""

    def __init__(self, width: int, labels: int, *, pool: str, dropout: float) -> None:
        super().__init__()
        self.pool = nn.AdaptiveMaxPool2d(1) if pool == "max" else nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, h, w) to logits (N, labels)."""
        logits: Tensor = self.linear(self.dropout(self.pool(features).flatten(1)))
        return logits


class LearnedSingleLabel:
    """The learning half of ``single_label``."""

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """A linear head; options: ``pool`` (average, max) and ``dropout``."""
        return SingleLabelHead(
            width,
            len(spec.labels),
            pool=options.get("pool", "average"),
            dropout=options.get("dropout", 0.0),
        )

    @staticmethod
    def loss(output: Tensor, target: Tensor, weight: Tensor, options: Mapping[str, Any]) -> Tensor:
        """Cross-entropy of logits (N, labels) and targets (N,), the mean over known labels.

        Option ``label_smoothing`` mixes the target with the uniform distribution (Szegedy et
        al. 2016, arXiv 1512.00567, section 7).
        """
        losses = functional.cross_entropy(
            output.float(),
            target,
            label_smoothing=options.get("label_smoothing", 0.0),
            reduction="none",
        )
        return (losses * weight).sum() / weight.sum().clamp(min=1)
