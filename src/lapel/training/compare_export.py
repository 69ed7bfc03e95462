"""What the exported network says of the validation pictures, beside what torch's says."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lapel.evaluation.engines.parity import COMPARED, Parity, Two
from lapel.inference.engines.base import Engine
from lapel.models.heads.table import dense_tasks
from lapel.models.multitask import Network
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.base import Counts, CountsInTurn
from lapel.tasks.kinds import task_of
from lapel.training.input.examples import Examples, in_batches
from lapel.training.loop.judging import Pausing, as_array, known_of

#: Pictures a batch when the exported network is checked ...
CHECK_BATCH = 64
#: ... and where its outputs are dense.
DENSE_CHECK_BATCH = 8

#: Where a network was learned on an accelerator, torch's looks at no more validation pictures at
#: the end: it does so on the CPU, where all of them may take it longer than learning took.
CHECKED = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """What the exported network says of the validation pictures.

    Attributes:
        outputs: task name to outputs (N, ...), of the tasks whose outputs may be kept.
        counts: task name to counts, of those whose outputs are dense.
        parity: how far torch's outputs are from them, on the pictures that both were shown.
    """

    outputs: dict[str, NDArray[np.float32]]
    counts: dict[str, Counts]
    parity: Parity


def kept_tasks(schema: Schema) -> Sequence[TaskSpec]:
    """The tasks whose outputs may be kept for a whole set."""
    dense = dense_tasks(schema)
    return [spec for spec in schema if spec.name not in dense]


@torch.no_grad()
def compare(
    network: Network,
    engine: Engine,
    examples: Examples,
    schema: Schema,
    watcher: Pausing,
    *,
    most: int | None = None,
) -> Compared:
    """The engine's outputs on examples, and how far torch's are from them.

    Args:
        network: torch's, on the CPU.
        engine: that runs the exported one.
        examples: all of which the engine is shown.
        schema: of both.
        watcher: asked between two batches; it may end the work by raising.
        most: examples that torch is shown, in batches from all over the set; None: all.
    """
    dense = dense_tasks(schema)
    rows = in_batches(len(examples), CHECK_BATCH if not dense else DENSE_CHECK_BATCH)
    every = 1 if most is None else max(1, math.ceil(len(examples) / most))
    parts: dict[str, list[NDArray[np.float32]]] = {spec.name: [] for spec in kept_tasks(schema)}
    in_turn: defaultdict[str, CountsInTurn] = defaultdict(CountsInTurn)
    beside = _Beside(network, schema)
    for number, (batch, pixels) in enumerate(examples.batches(rows)):
        watcher.pause()
        answers = engine.run(as_array(pixels), network.task_names)
        known = {
            task: as_array(weights[batch.to(weights.device)])
            for task, weights in examples.weights.items()
        }
        if number % every == 0:
            beside.add(pixels, answers, known)
        for task, chunks in parts.items():
            chunks.append(answers[task])
        for task in dense:
            there = batch.to(examples.weights[task].device)
            target = as_array(known_of(examples, there).targets[task])
            in_turn[task].add(task_of(schema[task]).score(answers[task], target, known[task]))
    return Compared(
        outputs={task: np.concatenate(chunks) for task, chunks in parts.items()},
        counts={task: found.total() for task, found in in_turn.items()},
        parity=beside.parity,
    )


class _Beside:
    """How far torch's outputs are from an engine's, batch by batch."""

    def __init__(self, network: Network, schema: Schema) -> None:
        self._network = network
        self._schema = schema
        self._difference, self._largest = 0.0, 1e-9
        self._pictures, self._changed = 0, 0

    def add(
        self,
        pixels: Tensor,
        answers: Mapping[str, NDArray[np.float32]],
        known: Mapping[str, NDArray[Any]],
    ) -> None:
        """Show torch a batch that the engine has answered.

        Args:
            pixels: uint8 (n, C, H, W).
            answers: task name to the engine's outputs (n, ...).
            known: task name to weights (n, ...).
        """
        self._pictures += len(pixels)
        for task, theirs in self._network(pixels.to("cpu")).items():
            reference = as_array(theirs)
            size = (pixels.shape[3], pixels.shape[2])
            two = Two(answers[task], reference, known[task], size=size)
            apart = COMPARED[self._schema[task].kind](two)
            self._difference = max(self._difference, apart.difference)
            self._changed += apart.changed
            self._largest = max(self._largest, float(np.abs(reference).max()))

    @property
    def parity(self) -> Parity:
        """Of all batches so far."""
        return Parity(
            pictures=self._pictures,
            largest_difference=self._difference / self._largest,
            changed_answers=self._changed,
        )
