"""What is particular to exactly one of several labels; the rest is in the contract suite."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import SingleLabelAnswer
from lapel.tasks.single_label import SingleLabelTask

TASK = SingleLabelTask(
    TaskSpec(name="category", kind="single_label", labels=("coat", "bag", "hat"))
)


def answer(logits: list[float], *, temperature: float = 1.0, top: int = 5) -> SingleLabelAnswer:
    output = np.array([logits], np.float32)
    (found,) = TASK.decode(output, {"temperature": temperature}, top=top)
    assert isinstance(found, SingleLabelAnswer)
    return found


def test_probabilities_sum_to_one_and_are_ranked() -> None:
    found = answer([0.0, 2.0, 1.0])
    assert [label for label, _ in found.top] == ["bag", "hat", "coat"]
    assert sum(probability for _, probability in found.top) == pytest.approx(1.0)
    assert found.probability == pytest.approx(np.exp(2) / (1 + np.e + np.exp(2)))


def test_temperature_changes_probabilities_but_never_the_answer() -> None:
    cold, hot = (answer([0.0, 2.0, 1.0], temperature=value) for value in (0.5, 4.0))
    assert cold.label == hot.label == "bag"
    assert cold.probability > answer([0.0, 2.0, 1.0]).probability > hot.probability


def test_equal_outputs_keep_the_order_of_the_schema() -> None:
    assert [label for label, _ in answer([1.0, 1.0, 1.0]).top] == ["coat", "bag", "hat"]


def test_only_the_best_are_named() -> None:
    assert len(answer([0.0, 2.0, 1.0], top=2).top) == 2


def test_large_outputs_do_not_overflow() -> None:
    assert answer([3e38, 0.0, -3e38], temperature=0.05).probability == 1.0
