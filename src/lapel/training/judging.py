"""How outputs are judged: the loss that is learned from, and the scores that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lapel.tasks.base import Counts
from lapel.tasks.kinds import task_of
from lapel.training.examples import Examples, in_batches
from lapel.training.learner import Learner


class Pausing(Protocol):
    """Who may end the work between two batches, by raising."""

    def pause(self) -> None:
        """Nothing has changed since the last step."""
        ...


def total_loss(
    learner: Learner, outputs: Mapping[str, Tensor], examples: Examples, rows: Tensor
) -> Tensor:
    """The weighted sum of the losses of all tasks, for outputs of these rows of the examples."""
    targets = {task: target[rows] for task, target in examples.targets.items()}
    weights = {task: weight[rows] for task, weight in examples.weights.items()}
    loss: Tensor = learner.loss(outputs, targets, weights)
    return loss


@torch.no_grad()
def judge(learner: Learner, examples: Examples, watcher: Pausing) -> dict[str, float]:
    """Loss and every number of every task on examples, with the weights as they are."""
    outputs = predict(learner, examples, watcher)
    everything = torch.arange(len(examples), device=learner.device)
    loss = float(total_loss(learner, outputs, examples, everything))
    counts = score(learner, outputs, examples, everything)
    row = {"validation_loss": loss, "validation_accuracy": main_score(learner, counts)}
    if learner.loss.uncertainty is not None:
        weights = learner.loss.task_weights()
        row |= {f"task_weight.{task}": weight for task, weight in weights.items()}
    for task, count in counts.items():
        row |= {f"validation.{task}.{name}": value for name, value in count.numbers().items()}
    return row


@torch.no_grad()
def predict(learner: Learner, examples: Examples, watcher: Pausing) -> dict[str, Tensor]:
    """Outputs of all examples, task name -> (N, ...), in their order."""
    learner.network.eval()
    rows = in_batches(len(examples), learner.recipe.batch)
    parts: dict[str, list[Tensor]] = {spec.name: [] for spec in learner.schema}
    for _, pixels in examples.batches(rows):
        with autocast(learner):
            outputs = learner.answer(pixels)
        for task, output in outputs.items():
            parts[task].append(output.float())
        watcher.pause()
    return {task: torch.cat(chunks) for task, chunks in parts.items()}


def score(
    learner: Learner, outputs: Mapping[str, Tensor], examples: Examples, rows: Tensor
) -> dict[str, Counts]:
    """Counts of each task."""
    return {
        spec.name: task_of(spec).score(
            as_array(outputs[spec.name].float()),
            as_array(examples.targets[spec.name][rows]),
            as_array(examples.weights[spec.name][rows]),
        )
        for spec in learner.schema
    }


def main_score(learner: Learner, counts: Mapping[str, Counts]) -> float:
    """The number by which epochs are compared; more is better."""
    if learner.recipe.select is not None:
        task, _, metric = learner.recipe.select.rpartition(".")
        return counts[task].numbers()[metric]
    values = [counts[spec.name].numbers()[task_of(spec).metric] for spec in learner.schema]
    return sum(values) / len(values)


def as_array(tensor: Tensor) -> np.ndarray[Any, np.dtype[Any]]:
    """A tensor as a numpy array on the CPU."""
    array: np.ndarray[Any, np.dtype[Any]] = tensor.detach().cpu().numpy()
    return array


def autocast(learner: Learner) -> torch.autocast:
    """The precision that the run decided for."""
    return torch.autocast(
        learner.device.type, torch.bfloat16, enabled=learner.precision is torch.bfloat16
    )
