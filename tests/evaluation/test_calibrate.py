"""What is fitted after learning, task by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.evaluation.calibrate import calibrate
from lapel.metrics.calibration import fit_temperature
from lapel.metrics.tags import TagCounts
from lapel.metrics.thresholds import Goal
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.multi_label import MultiLabelTask, sigmoid

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


TAGS = Schema((TaskSpec(name="tags", kind="multi_label", labels=("print", "레이스", "knit")),))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Held-out answers of tags."""

    output: NDArray[np.float32]
    target: NDArray[np.uint8]
    weight: NDArray[np.uint8]

    def fit(self, goal: Goal = "f1", precision: float = 0.9) -> dict[str, float]:
        outputs, targets, weights = (
            {"tags": self.output},
            {"tags": self.target},
            {"tags": self.weight},
        )
        fitted = calibrate(TAGS, outputs, targets, weights, goal=goal, precision=precision)
        return fitted["tags"]

    def judge(self, calibration: Mapping[str, float]) -> TagCounts:
        task = MultiLabelTask(TAGS["tags"])
        return task.score(self.output, self.target, self.weight, calibration)


def three_times_too_sure(known: float = 1.0) -> HeldOut:
    random = np.random.default_rng(0)
    truth = 2 * random.normal(size=(600, 3)) - np.array([0, 1, 2])
    return HeldOut(
        output=(3 * truth).astype(np.float32),
        target=(random.random((600, 3)) < sigmoid(truth)).astype(np.uint8),
        weight=(random.random((600, 3)) < known).astype(np.uint8),
    )


def test_tags_get_one_temperature_and_a_threshold_a_label() -> None:
    held_out = three_times_too_sure()
    fitted = held_out.fit()
    assert list(fitted) == ["temperature", "threshold.print", "threshold.레이스", "threshold.knit"]
    assert fitted["temperature"] == pytest.approx(3.0, rel=0.15)
    tuned, plain = held_out.judge(fitted).numbers(), held_out.judge({}).numbers()
    assert tuned["nll"] < plain["nll"]
    assert tuned["ece"] < plain["ece"] / 2
    assert tuned["mean_f1"] > plain["mean_f1"] + 0.01
    for_labels = held_out.judge(held_out.fit("label_f1")).numbers()
    assert for_labels["macro_f1"] > plain["macro_f1"] + 0.02


def test_a_temperature_of_tags_is_that_of_least_loss() -> None:
    held_out = three_times_too_sure(known=0.5)
    best = held_out.fit()["temperature"]
    lower, least, higher = (
        held_out.judge({"temperature": value}).numbers()["nll"]
        for value in (0.98 * best, best, 1.02 * best)
    )
    assert least < min(lower, higher)


def test_unknown_tags_change_nothing() -> None:
    held_out = three_times_too_sure(known=0.5)
    before = held_out.fit()
    unknown = held_out.weight == 0
    held_out.output[unknown] = 1e9
    held_out.target[unknown] = 1
    assert held_out.fit() == before


def test_thresholds_are_tuned_for_the_goal_that_was_stated() -> None:
    held_out = three_times_too_sure()
    fixed = held_out.fit("fixed")
    assert {fixed[f"threshold.{label}"] for label in TAGS["tags"].labels} == {0.5}
    each = held_out.judge(held_out.fit("precision", 0.8)).per_label()
    assert (each.precision >= 0.8).all()
    assert (each.recall > 0.1).all()
    with pytest.raises(UsageError, match="found 'luck'"):
        held_out.fit("luck")  # type: ignore[arg-type]  # what a careless caller might say
