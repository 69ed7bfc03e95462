"""What is fitted after learning, task by task."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.evaluation.calibrate import calibrate
from lapel.metrics.calibration import fit_temperature
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("a", "b", "c")),
        TaskSpec(name="season", kind="single_label", labels=("summer", "winter")),
    )
)


def test_each_task_gets_its_temperature_from_its_labelled_images() -> None:
    random = np.random.default_rng(0)
    outputs = {
        "category": (random.normal(size=(200, 3)) * 4).astype(np.float32),
        "season": (random.normal(size=(200, 2)) * 4).astype(np.float32),
    }
    targets = {
        name: np.where(random.random(200) < 0.6, output.argmax(axis=1), 0)
        for name, output in outputs.items()
    }
    weights = {name: np.ones(200, np.float32) for name in outputs}
    weights["season"][50:] = 0
    fitted = calibrate(SCHEMA, outputs, targets, weights)
    whole = fit_temperature(outputs["category"], targets["category"])
    part = fit_temperature(outputs["season"][:50], targets["season"][:50])
    assert fitted == {"category": {"temperature": whole}, "season": {"temperature": part}}
    assert whole > 1.0


def test_a_task_that_cannot_be_calibrated_is_named() -> None:
    outputs = {"category": np.zeros((4, 3), np.float32)}
    targets, nothing = {"category": np.zeros(4, np.int64)}, {"category": np.zeros(4, np.float32)}
    with pytest.raises(UsageError, match="task 'category' has no labelled held-out image"):
        calibrate(SCHEMA, outputs, targets, nothing)
    everything = {"category": np.ones(4, np.float32)}
    outputs["category"][:, 0] = 1
    with pytest.raises(UsageError, match="no outputs of task 'season'"):
        calibrate(SCHEMA, outputs, targets, everything)
