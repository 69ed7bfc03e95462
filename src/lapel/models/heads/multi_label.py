"""How any of several labels are learned: pooled features, a linear layer, a sigmoid a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lapel.models.heads.base import LabelCounts
from lapel.models.heads.label_losses import sigmoid_loss
from lapel.models.heads.labels import LabelHead, LearnedLabels
from lapel.schema.labels import TaskSpec


class LearnedMultiLabel(LearnedLabels):
    """The learning half of ``multi_label``."""

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """See :class:`~lapel.models.heads.labels.LabelHead`."""
        return LabelHead(width, len(spec.labels), options)

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:  # noqa: ARG004 - as every kind's
        """Targets and weights, both (N, labels), counted."""
        known = weight > 0
        return LabelCounts(yes=(known & (target > 0)).sum(0).float(), known=known.sum(0).float())

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:  # noqa: ARG004 - as every kind's
        """Options ``multi_label``: ``binary``, ``focal`` or ``asymmetric``; and ``no_weight``."""
        name, no_weight = options.get("multi_label", "binary"), options.get("no_weight", 1.0)
        return sigmoid_loss(name, counts, options, no_weight=no_weight)
