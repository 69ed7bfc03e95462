"""What is fitted on held-out images after learning, and kept in the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.calibration import fit_temperature
from lapel.metrics.thresholds import Goal, tune_thresholds
from lapel.schema.errors import UsageError
from lapel.schema.labels import TaskSpec
from lapel.tasks.multi_label import THRESHOLD, MultiLabelTask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _HeldOut:
    """One task's answers on held-out images.

    Attributes:
        spec: the task.
        output: raw outputs, float32 (N, ...).
        target: encoded targets, (N, ...).
        weight: 0 where the label is unknown, (N, ...).
        goal: what thresholds are chosen for.
        precision: to be kept, for that goal.
    """

    spec: TaskSpec
    output: NDArray[np.float32]
    target: NDArray[Any]
    weight: NDArray[Any]
    goal: Goal
    precision: float


def calibrate(
    schema: Iterable[TaskSpec],
    outputs: Mapping[str, NDArray[np.float32]],
    targets: Mapping[str, NDArray[Any]],
    weights: Mapping[str, NDArray[Any]],
    *,
    goal: Goal = "f1",
    precision: float = 0.9,
) -> dict[str, dict[str, float]]:
    """Task name to what was fitted for it, as a bundle keeps it.

    Give it held-out images (validation): on images that the network learnt from, it is surer
    than it should be, and the fit would bless that.

    Args:
        schema: the tasks.
        outputs: task to raw outputs (N, ...).
        targets: task to encoded targets (N, ...).
        weights: task to weights (N, ...); what weighs 0 takes no part.
        goal: what the thresholds of tags are chosen for; see ``lapel.metrics.thresholds``.
        precision: for goal ``precision``: at least so much of it.

    Returns:
        ``temperature``; for tags also ``threshold.LABEL`` of each label.

    Raises:
        UsageError: a task without outputs, or without a single labelled image; an unknown goal.
    """
    fitted = {}
    for spec in schema:
        if spec.name not in outputs:
            raise UsageError(f"no outputs of task '{spec.name}' to calibrate on")
        if not (weights[spec.name] > 0).any():
            raise UsageError(
                f"task '{spec.name}' has no labelled held-out image; a temperature needs some"
            )
        if spec.kind in CALIBRATIONS:
            held_out = _HeldOut(
                spec=spec,
                output=outputs[spec.name],
                target=targets[spec.name],
                weight=weights[spec.name],
                goal=goal,
                precision=precision,
            )
            fitted[spec.name] = CALIBRATIONS[spec.kind](held_out)
    return fitted


def _single_label(held_out: _HeldOut) -> dict[str, float]:
    known = held_out.weight > 0
    return {"temperature": fit_temperature(held_out.output[known], held_out.target[known])}


def _multi_label(held_out: _HeldOut) -> dict[str, float]:
    """One temperature for all labels, then their thresholds on the calibrated probabilities."""
    known = held_out.weight > 0
    logits = held_out.output[known]
    # A yes against a no is a choice of two labels whose logits are z and 0.
    pairs = np.stack([np.zeros_like(logits), logits], axis=1)
    temperature = fit_temperature(pairs, held_out.target[known].astype(np.int64))
    fitted = {"temperature": temperature}
    thresholds = tune_thresholds(
        MultiLabelTask(held_out.spec).probabilities(held_out.output, fitted),
        held_out.target,
        held_out.weight,
        goal=held_out.goal,
        precision=held_out.precision,
    )
    named = zip(held_out.spec.labels, thresholds, strict=True)
    return fitted | {THRESHOLD + label: float(value) for label, value in named}


def _landmarks(held_out: _HeldOut) -> dict[str, float]:
    """A temperature for how sure it is that landmarks can be seen; places have none."""
    known = held_out.weight[..., 1] > 0
    if not known.any():
        return {}
    logits = held_out.output[..., 2][known]
    pairs = np.stack([np.zeros_like(logits), logits], axis=1)
    seen = held_out.target[..., 4][known].astype(np.int64)
    return {"temperature": fit_temperature(pairs, seen)}


#: Kind of task to what is fitted for it; a kind left out needs nothing.
CALIBRATIONS: dict[str, Callable[[_HeldOut], dict[str, float]]] = {
    "single_label": _single_label,
    "multi_label": _multi_label,
    "landmarks": _landmarks,
}
