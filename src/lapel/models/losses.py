"""The loss of a whole network: the losses of its tasks, weighted and summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lapel.models.heads.base import LabelCounts, Raw
from lapel.models.heads.table import HEADS
from lapel.schema.labels import Schema


class MultiTaskLoss(nn.Module):
    """The weighted sum of the losses of all tasks.

    The weights are those of option ``task_weights``, 1 for a task that is not named there. With
    ``task_weighting: learned`` each loss L counts as ``exp(-s) L + s / 2``, where s is learned
    beside the network: the logarithm of how uncertain the task is (Kendall et al. 2018, arXiv
    1705.07115, equation 10). A batch that says nothing of a task leaves its s alone.

    Args:
        schema: the tasks.
        counts: of each task's labels among the training pictures.
        options: those of a recipe's ``loss``, and ``heads``.
    """

    def __init__(
        self, schema: Schema, counts: Mapping[str, LabelCounts], options: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.task_names = tuple(spec.name for spec in schema)
        self.shares: tuple[float, ...] = ()
        self.weigh(options.get("task_weights", {}))
        self.losses = nn.ModuleList(
            HEADS[spec.kind].loss(spec, counts[spec.name], options) for spec in schema
        )
        learned = options.get("task_weighting", "fixed") == "learned"
        #: Of the vectors that are learned beside the tasks, if any; it is added by who knows items.
        self.vectors: nn.Module | None = None
        #: The s of each task, float32 (tasks,).
        self.uncertainty = nn.Parameter(torch.zeros(len(self.losses))) if learned else None

    def weigh(self, task_weights: Mapping[str, float]) -> None:
        """Let the loss of each task count so much from now on; 1 where nothing is said.

        A task of weight 0 is not looked at: none of its layers moves.
        """
        self.shares = tuple(task_weights.get(name, 1.0) for name in self.task_names)

    def forward(
        self,
        raw: Mapping[str, Raw],
        targets: Mapping[str, Any],
        weights: Mapping[str, Tensor],
    ) -> Tensor:
        """What the head of each task says, its targets and weights, all (N, ...), to a scalar."""
        total = torch.zeros((), device=targets[self.task_names[0]].device)
        for number, (name, loss) in enumerate(zip(self.task_names, self.losses, strict=True)):
            if not self.shares[number]:
                continue
            value = loss(raw[name], targets[name], weights[name])
            if self.uncertainty is not None:
                known = (weights[name] > 0).any()
                uncertainty = self.uncertainty[number] * known
                value = torch.exp(-uncertainty) * value + uncertainty / 2
            total = total + self.shares[number] * value
        return total

    def task_weights(self) -> dict[str, float]:
        """By how much the loss of each task counts now."""
        scales = [1.0] * len(self.shares)
        if self.uncertainty is not None:
            scales = torch.exp(-self.uncertainty.detach()).tolist()
        return {
            name: share * scale
            for name, share, scale in zip(self.task_names, self.shares, scales, strict=True)
        }


def label_counts(
    schema: Schema, targets: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> dict[str, LabelCounts]:
    """How often each label of each task holds among encoded training pictures.

    Targets are tensors, or what ``Learned.targets`` makes of a kind's.
    """
    return {
        spec.name: HEADS[spec.kind].counts(spec, targets[spec.name], weights[spec.name])
        for spec in schema
    }
