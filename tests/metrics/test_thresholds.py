"""Thresholds of tags, against every cut there is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score
from tag_examples import drawn

from lapel.metrics.thresholds import (
    DEFAULT_THRESHOLD,
    LEAST_POSITIVES,
    NEVER,
    Goal,
    tune_thresholds,
)
from lapel.schema.errors import UsageError


def one_label(
    probability: list[float], target: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.uint8]]:
    truth = np.array(target, np.uint8)[:, None]
    return np.array(probability)[:, None], truth, np.ones_like(truth)


def test_no_other_threshold_reaches_a_better_f1_of_its_label() -> None:
    images = drawn()
    found = tune_thresholds(images.probabilities, images.target, images.weight, goal="label_f1")
    for label, threshold in enumerate(found):
        known = images.known[:, label]
        truth, scores = images.target[known, label], images.probabilities[known, label]
        reached = f1_score(truth, scores >= threshold)
        every = [f1_score(truth, scores >= cut) for cut in np.unique(scores)]
        assert reached == pytest.approx(max(every))


def test_of_those_of_enough_precision_the_one_that_finds_most() -> None:
    images = drawn(400)
    found = tune_thresholds(
        images.probabilities, images.target, images.weight, goal="precision", precision=0.8
    )
    for label, threshold in enumerate(found):
        known = images.known[:, label]
        truth, scores = images.target[known, label], images.probabilities[known, label]
        assert precision_score(truth, scores >= threshold) >= 0.8
        reached = recall_score(truth, scores >= threshold)
        every = [
            recall_score(truth, scores >= cut)
            for cut in np.unique(scores)
            if precision_score(truth, scores >= cut) >= 0.8
        ]
        assert reached == pytest.approx(max(every))


@pytest.mark.parametrize("goal", ["f1", "label_f1", "precision"])
def test_a_threshold_lies_halfway_between_what_it_parts(goal: Goal) -> None:
    probability = [0.9, 0.8, 0.8, 0.7, 0.6, 0.2, 0.1]
    found = tune_thresholds(*one_label(probability, [1, 1, 1, 1, 1, 0, 0]), goal=goal)
    assert found.tolist() == [pytest.approx(0.4)]


def test_neighbouring_floats_are_parted() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    found = tune_thresholds(*one_label([high] * 5 + [low] * 5, [1] * 5 + [0] * 5))
    assert low < found[0] <= high


def test_a_precision_out_of_reach_never_says_yes() -> None:
    values = one_label([1.0] * 10, [1, 0] * 5)
    found = tune_thresholds(*values, goal="precision", precision=0.9)
    assert found.tolist() == [NEVER]
    assert not (values[0] >= found).any()


def test_a_rare_label_takes_the_threshold_that_is_best_for_all() -> None:
    images = drawn(300, 3, known=1.1)
    target = images.target.copy()
    target[:, 0] = 0
    target[: LEAST_POSITIVES - 1, 0] = 1
    found = tune_thresholds(images.probabilities, target, images.weight, goal="label_f1")
    scores, truth = images.probabilities.ravel(), target.ravel()
    best = max(f1_score(truth, scores >= cut) for cut in np.unique(scores))
    assert f1_score(truth, scores >= found[0]) == pytest.approx(best)
    assert len(set(found.tolist())) == 3


def test_fixed_is_a_half_and_so_is_what_cannot_be_tuned() -> None:
    images = drawn(20, 3)
    fixed = tune_thresholds(images.probabilities, images.target, images.weight, goal="fixed")
    blind = tune_thresholds(images.probabilities, images.target, np.zeros_like(images.weight))
    assert fixed.tolist() == blind.tolist() == [DEFAULT_THRESHOLD] * 3


def test_wrong_goals_are_refused() -> None:
    images = drawn(20, 3)
    with pytest.raises(UsageError, match="one of f1, label_f1, precision, fixed, found 'luck'"):
        tune_thresholds(images.probabilities, images.target, images.weight, goal="luck")  # type: ignore[arg-type]  # what a careless caller might say
    with pytest.raises(UsageError, match="between 0 and 1, found 1"):
        tune_thresholds(
            images.probabilities, images.target, images.weight, goal="precision", precision=1.0
        )
