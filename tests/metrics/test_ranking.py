"""Average precision and PR curves, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from lapel.metrics import ranking
from lapel.metrics.ranking import Ranking, cuts_of


def average_precision(probabilities: NDArray[np.float64], target: NDArray[np.uint8]) -> float:
    """Of one label, every image once."""
    ranked = Ranking.of(probabilities, target, np.ones(target.shape, np.bool_))
    return float(ranked.average_precision(np.ones(len(target), np.int64))[0])


@given(
    seed=st.integers(0, 10_000),
    images=st.integers(1, 40),
    digits=st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_average_precision_is_scikit_learns_with_ties_unknowns_and_repeats(
    seed: int, images: int, digits: int
) -> None:
    random = np.random.default_rng(seed)
    probabilities = np.round(random.random((images, 3)), digits)
    target = (random.random((images, 3)) < 0.4).astype(np.uint8)
    known = random.random((images, 3)) < 0.8
    repeats = random.integers(0, 4, images)
    found = Ranking.of(probabilities, target, known).average_precision(repeats)
    for label in range(3):
        weight = repeats * known[:, label]
        if not (target[:, label] * weight).sum():
            assert np.isnan(found[label])
            continue
        expected = average_precision_score(
            target[:, label], probabilities[:, label], sample_weight=weight
        )
        assert found[label] == pytest.approx(expected)


def test_average_precision_by_hand() -> None:
    # Ranked yes, no, yes: recall grows by 1/2 at precision 1, and by 1/2 at precision 2/3.
    probabilities = np.array([[0.9], [0.5], [0.4]])
    target = np.array([[1], [0], [1]], np.uint8)
    assert average_precision(probabilities, target) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_equal_probabilities_are_one_step_whatever_the_order_of_images() -> None:
    target = np.array([[1], [0], [0], [1]], np.uint8)
    equal = np.full((4, 1), 0.5)
    for order in ([0, 1, 2, 3], [1, 2, 0, 3], [0, 3, 1, 2]):
        assert average_precision(equal, target[order]) == pytest.approx(0.5)


def test_cuts_are_the_curve_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    probability = np.round(random.random(80), 1)
    target = (random.random(80) < probability).astype(np.uint8)
    cuts = cuts_of(probability, target, np.ones(80, np.uint8))
    precision, recall, thresholds = precision_recall_curve(
        target, probability, drop_intermediate=False
    )
    assert cuts.precision[::-1] == pytest.approx(precision[:-1])
    assert cuts.recall[::-1] == pytest.approx(recall[:-1])
    assert cuts.probability[::-1] == pytest.approx(thresholds)


def test_cuts_pass_over_what_is_unknown() -> None:
    probability = np.array([0.9, np.nan, 0.2])
    cuts = cuts_of(probability, np.array([1, 0, 0], np.uint8), np.array([1, 0, 1], np.uint8))
    assert cuts.probability.tolist() == [0.9, 0.2]
    assert cuts.precision.tolist() == [1.0, 0.5]
    assert cuts.positives == 1


def test_a_label_of_which_nothing_is_known_has_no_cuts() -> None:
    cuts = cuts_of(np.array([0.9]), np.array([1], np.uint8), np.array([0], np.uint8))
    assert len(cuts.probability) == len(cuts.recall) == 0
    assert cuts.positives == 0


@given(seed=st.integers(0, 1000), resamples=st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_many_resamples_at_once_are_as_each_alone(seed: int, resamples: int) -> None:
    """Though several are added up in one number: with labels that never hold, and unknown ones."""
    random = np.random.default_rng(seed)
    images, labels = int(random.integers(1, 40)), int(random.integers(1, 6))
    probabilities = random.integers(0, 8, (images, labels)) / 8
    target = random.integers(0, 2, (images, labels)).astype(np.uint8)
    target[:, 0] = 0
    known = random.random((images, labels)) < 0.8
    repeats = random.integers(0, 5, (resamples, images))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "CACHED", int(random.integers(1, 50)))
        together = Ranking.of(probabilities, target, known).average_precision(repeats)
    for row, one in enumerate(repeats):
        for label in range(labels):
            rows = np.repeat(np.arange(images), one)
            rows = rows[known[rows, label]]
            held = target[rows, label]
            expected = (
                average_precision_score(held, probabilities[rows, label]) if held.any() else np.nan
            )
            assert together[row, label] == pytest.approx(expected, nan_ok=True)
