"""How exactly one of several labels is learned: pooled features, a linear layer, cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.heads.base import LabelCounts
from lapel.models.heads.label_losses import (
    SigmoidLoss,
    SoftmaxLoss,
    label_weights,
    log_frequencies,
    sigmoid_loss,
)
from lapel.models.heads.labels import LabelHead, LearnedLabels
from lapel.schema.labels import TaskSpec


class OneHotLoss(nn.Module):
    """A sigmoid a label, though one label holds: how one vector of all labels is learned."""

    def __init__(self, inner: SigmoidLoss) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Logits (N, labels), int64 targets (N,), weights (N,) to a scalar."""
        labels = output.shape[1]
        loss: Tensor = self.inner(
            output, functional.one_hot(target, labels), weight[:, None].expand(-1, labels)
        )
        return loss


class LearnedSingleLabel(LearnedLabels):
    """The learning half of ``single_label``."""

    @staticmethod
    def head(spec: TaskSpec, width: int, options: Mapping[str, Any]) -> nn.Module:
        """See :class:`~lapel.models.heads.labels.LabelHead`."""
        return LabelHead(width, len(spec.labels), options)

    @staticmethod
    def counts(spec: TaskSpec, target: Tensor, weight: Tensor) -> LabelCounts:
        """Targets int64 (N,) and weights (N,), counted."""
        known = weight > 0
        yes = torch.bincount(target[known], minlength=len(spec.labels)).float()
        return LabelCounts(yes=yes, known=known.sum().float().expand(len(spec.labels)))

    @staticmethod
    def loss(spec: TaskSpec, counts: LabelCounts, options: Mapping[str, Any]) -> nn.Module:
        """Option ``single_label``: ``cross_entropy``, ``binary``, ``focal``, or ``auto``.

        ``auto`` is ``binary`` where ``heads`` is ``joint``, else ``cross_entropy``.
        """
        name = options.get("single_label", "auto")
        if name == "auto":
            name = "binary" if options.get("heads") == "joint" else "cross_entropy"
        if name == "binary":
            return OneHotLoss(sigmoid_loss("binary", counts, options, spread=1 / len(spec.labels)))
        return SoftmaxLoss(
            shift=log_frequencies(counts, options.get("logit_adjustment", 0.0)),
            weights=label_weights(counts, options.get("class_weights", "none")),
            focus=options.get("focal_gamma", 2.0) if name == "focal" else 0.0,
            smoothing=options.get("label_smoothing", 0.0),
        )
