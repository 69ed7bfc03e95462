"""How sure the scores are that a bundle names: intervals over the validation pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.bootstrap import RESAMPLES, Interval, bootstrap
from lapel.metrics.classification import LEANING, classify
from lapel.schema.labels import TaskSpec
from lapel.tasks.base import Calibration
from lapel.tasks.single_label import SingleLabelTask


def score_intervals(
    schema: Iterable[TaskSpec],
    outputs: Mapping[str, NDArray[np.float32]],
    targets: Mapping[str, NDArray[Any]],
    weights: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, Calibration],
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """``TASK.NUMBER`` to its 95 % interval, of the tasks of one label that any picture bears.

    Those of 5,000 pictures take less than a second. Other kinds count so much of each picture that
    a run's end would wait for minutes: theirs are left to ``lapel evaluate``.

    Args:
        schema: the tasks.
        outputs: task to logits (N, labels).
        targets: task to encoded targets (N,).
        weights: task to weights (N,); pictures of weight 0 take no part.
        calibration: task to what was fitted for it.
        resamples: of the bootstrap.
    """
    found: dict[str, Interval] = {}
    for spec in schema:
        if spec.kind != "single_label":
            continue
        name, known = spec.name, weights[spec.name] > 0
        if not known.any():
            continue
        probabilities = SingleLabelTask(spec).probabilities(
            outputs[name][known], calibration.get(name)
        )
        each = _intervals(probabilities, targets[name][known], resamples)
        found |= {f"{name}.{number}": interval for number, interval in each.items()}
    return found


def _intervals(
    probabilities: NDArray[np.float64], target: NDArray[np.int64], resamples: int
) -> dict[str, Interval]:
    images = classify(probabilities, target)

    def numbers(rows: NDArray[np.int64]) -> dict[str, float]:
        return images.take(rows).counts().numbers()

    return bootstrap(numbers, len(images), resamples=resamples, leaning=LEANING)
