"""How outputs are judged: the loss that is learned from, and the scores that people read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from lapel.models.heads.base import Raw
from lapel.models.heads.table import dense_tasks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import EMBEDDING
from lapel.tasks.base import Counts, CountsInTurn
from lapel.tasks.kinds import task_of
from lapel.tasks.score_names import score_name
from lapel.training.input.examples import Examples, in_batches
from lapel.training.loop.embedding import METRIC, retrieval_counts, vectors_in
from lapel.training.loop.judged import Judged, joined
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import seed_of
from lapel.training.processes.sharding import is_sharded
from lapel.training.recipe import Recipe

#: More than there are batches in any set: numbers of batches of different steps never meet.
MOST_BATCHES = 2**32


class Pausing(Protocol):
    """Who may end the work between two batches, by raising."""

    def pause(self) -> None:
        """Nothing has changed since the last step."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some pictures.

    Attributes:
        targets: task name to targets (n, ...), tensors or what ``Learned.targets`` makes.
        weights: task name to weights (n, ...); 0 where the label is unknown.
    """

    targets: Mapping[str, Any]
    weights: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.weights.values())))


def known_of(examples: Examples, rows: Tensor) -> Known:
    """What is known of some rows of the examples, on the device of the rows."""
    return Known(
        {
            task: target[rows.to(target.device)].to(rows.device)
            for task, target in examples.targets.items()
        },
        {task: weight[rows] for task, weight in examples.weights.items()},
    )


def total_loss(learner: Learner, raw: Mapping[str, Raw], known: Known) -> Tensor:
    """The weighted sum of the losses of all tasks, for what the heads say of pictures."""
    loss: Tensor = learner.loss(raw, known.targets, known.weights)
    return loss


@torch.no_grad()
def judge(learner: Learner, examples: Examples, watcher: Pausing) -> dict[str, float]:
    """Loss and every number of every task on examples, with the weights as they are.

    The loss is the mean over the pictures of the losses of their batches. Where several processes
    learn together, each judges some of the batches, and none is judged twice: all of them have
    the numbers that one would have.
    """
    own = _judged(learner, examples, watcher)
    group = learner.group
    if group.alone:
        return _row(learner, examples, own)
    parts = [own.of_another(data) for data in group.collected(own.to_bytes())]
    row = _row(learner, examples, joined(parts)) if group.first else {}
    told: dict[str, float] = group.told({name: float(value) for name, value in row.items()})
    return told


def _judged(learner: Learner, examples: Examples, watcher: Pausing) -> Judged:
    """What is found for the batches that this process judges."""
    dense = dense_tasks(learner.schema)
    outputs: defaultdict[str, list[Tensor]] = defaultdict(list)
    in_turn: defaultdict[str, CountsInTurn] = defaultdict(CountsInTurn)
    vectors: list[Tensor] = []
    found = Judged()
    for rows, raw in _said(learner, examples, watcher):
        # Here and not after the last batch: what heads say may be maps, far larger than outputs.
        known = known_of(examples, rows.to(learner.device))
        found.losses.append(len(rows) * float(total_loss(learner, raw, known)))
        answers = learner.network.outputs(raw)
        for task in dense:
            in_turn[task].add(score_task(learner.schema[task], answers.pop(task), known))
        _keep(outputs, answers)
        vectors += vectors_in(raw)
    found.outputs = {task: torch.cat(chunks) for task, chunks in outputs.items()}
    found.counts = {task: counts.total() for task, counts in in_turn.items()}
    found.vectors = torch.cat(vectors) if vectors else None
    return found


def _row(learner: Learner, examples: Examples, found: Judged) -> dict[str, float]:
    """The numbers of all examples."""
    everything = Known(examples.targets, examples.weights)
    counts = dict(found.counts)
    for task, output in found.outputs.items():
        counts[task] = score_task(learner.schema[task], output, everything)
    if found.vectors is not None and examples.items is not None:
        counts[EMBEDDING] = retrieval_counts(found.vectors, examples.items)
    row = {
        "validation_loss": sum(found.losses) / max(1, len(examples)),
        "validation_accuracy": main_score(learner, counts),
    }
    if learner.loss.uncertainty is not None:
        weights = learner.loss.task_weights()
        row |= {f"task_weight.{task}": weight for task, weight in weights.items()}
    for task, count in counts.items():
        row |= {f"validation.{task}.{name}": value for name, value in count.numbers().items()}
    return row


@torch.no_grad()
def predict(learner: Learner, examples: Examples, watcher: Pausing) -> dict[str, Tensor]:
    """Outputs of all examples, task name -> (N, ...), in their order; dense ones are left out.

    Asked of a learner that learns alone.
    """
    dense = dense_tasks(learner.schema)
    parts: dict[str, list[Tensor]] = {
        spec.name: [] for spec in learner.schema if spec.name not in dense
    }
    for _, raw in _said(learner, examples, watcher):
        outputs = learner.network.outputs(raw)
        _keep(parts, {task: outputs[task] for task in parts})
    return {task: torch.cat(chunks) for task, chunks in parts.items()}


def _said(
    learner: Learner, examples: Examples, watcher: Pausing
) -> Iterator[tuple[Tensor, dict[str, Raw]]]:
    """For each batch of the examples that this process judges, its row numbers and what the heads
    say of it.
    """
    learner.network.eval()
    recipe, step = learner.recipe, learner.progress.step
    batches = in_batches(len(examples), recipe.batch)
    own = learner.group.dealt(len(batches))
    pixels_of = examples.batches([batches[number] for number in own])
    for number, (rows, pixels) in zip(own, pixels_of, strict=True):
        # Detectors draw the places at which their loss looks: the same ones after a break, and
        # whichever process judges the batch.
        torch.manual_seed(seed_of(recipe.seed, "judging", step * MOST_BATCHES + number))
        with autocast(learner):
            raw = learner.answer(pixels)
        yield rows, raw
        watcher.pause()
    if len(own) < learner.group.most_dealt(len(batches)):
        # The others have one more, for which all put a parted network together ...
        if is_sharded(learner.network):
            with autocast(learner):
                learner.answer(next(iter(examples.pictures.batches(batches[:1]))))
        watcher.pause()  # ... and after which all look for signals.


def _keep(parts: Mapping[str, list[Tensor]], outputs: Mapping[str, Tensor]) -> None:
    for task, output in outputs.items():
        parts[task].append(output.float())


def score_task(spec: TaskSpec, output: Tensor, known: Known) -> Counts:
    """Counts of a task, for outputs of pictures of which something is known."""
    return task_of(spec).score(
        as_array(output.float()),
        as_array(known.targets[spec.name]),
        as_array(known.weights[spec.name]),
    )


def main_score(learner: Learner, counts: Mapping[str, Counts]) -> float:
    """The number by which epochs are compared; more is better.

    A number of nothing, as of landmarks none of which can be seen, is left out of the mean; so are
    tasks that have only one answer.
    """
    task, _, metric = (learner.recipe.select or "").rpartition(".")
    if task in counts:
        values = [counts[task].numbers()[metric]]
    elif EMBEDDING in counts:
        values = [counts[EMBEDDING].numbers()[METRIC]]
    else:  # vectors are not judged while learning: then the tasks speak for all
        values = [
            counts[spec.name].numbers()[task_of(spec).metric]
            for spec in learner.schema
            if spec.name in learner.judged and spec.name in counts
        ]
    measured = [value for value in values if math.isfinite(value)]
    return sum(measured) / len(measured) if measured else 0.0


def score_of(recipe: Recipe, schema: Schema) -> str:
    """What :func:`main_score` is called, in words."""
    return score_name(schema, select=recipe.select, vectors=recipe.embedding.loss != "none")


def as_array(value: Any) -> Any:  # noqa: ANN401 - targets are of each kind's own form
    """A tensor as a numpy array on the CPU; targets of another form by their own ``numpy``."""
    return value.detach().cpu().numpy()


def autocast(learner: Learner) -> torch.autocast:
    """The precision that the run decided for."""
    return torch.autocast(
        learner.device.type, torch.bfloat16, enabled=learner.precision is torch.bfloat16
    )
