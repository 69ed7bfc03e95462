"""Reliability bins, their error and the temperature, against cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.metrics.calibration import TEMPERATURES, bin_confidences, fit_temperature
from lapel.metrics.classification import softmax
from lapel.schema.errors import UsageError


def test_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # Ten answers at 0.95, eight right: a gap of 0.15. Ten at 0.55, six right: 0.05. Mean: 0.10.
    confidence = np.repeat([0.95, 0.55], 10)
    correct = np.array([True] * 8 + [False] * 2 + [True] * 6 + [False] * 4)
    assert bin_confidences(confidence, correct).error == pytest.approx(0.10)


def test_bins_are_open_below_and_closed_above() -> None:
    bins = bin_confidences(np.array([0.0, 0.2, 0.2000001, 1.0]), np.ones(4, bool), bins=5)
    assert bins.images.tolist() == [2, 1, 0, 0, 1]


def test_within_a_bin_too_much_and_too_little_cancel() -> None:
    # That is Guo et al.'s definition: bins are compared by their means.
    bins = bin_confidences(np.array([0.95, 0.95]), np.array([True, False]), bins=1)
    assert bins.error == pytest.approx(0.45)


def test_perfect_answers_have_no_error() -> None:
    assert bin_confidences(np.ones(7), np.ones(7, bool)).error == 0.0


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(0, 60)
)
def test_bins_of_parts_add_up(cases: list[tuple[float, bool]], cut: int) -> None:
    confidence = np.array([value for value, _ in cases])
    correct = np.array([value for _, value in cases])
    whole = bin_confidences(confidence, correct)
    parts = bin_confidences(confidence[:cut], correct[:cut]) + bin_confidences(
        confidence[cut:], correct[cut:]
    )
    assert parts.images.tolist() == whole.images.tolist()
    assert parts.correct.tolist() == whole.correct.tolist()
    assert parts.error == pytest.approx(whole.error)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 9.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    random = np.random.default_rng(0)
    honest = random.normal(size=(40_000, 6)) * 2
    target = (softmax(honest).cumsum(axis=1) > random.random((40_000, 1))).argmax(axis=1)
    found = fit_temperature((honest * temperature).astype(np.float32), target)
    assert found == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_is_better() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=(300, 4)) * 5
    target = random.integers(4, size=300)
    logits[np.arange(300), target] += 3

    def loss(temperature: float) -> float:
        probabilities = softmax(logits / temperature)
        return float(-np.log(probabilities[np.arange(300), target]).mean())

    best = fit_temperature(logits, target)
    assert all(loss(best) <= loss(best * factor) for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2))


def test_fitting_what_was_fitted_gives_one() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(size=(500, 5)) * 4
    target = np.where(random.random(500) < 0.7, logits.argmax(axis=1), random.integers(5, size=500))
    again = fit_temperature(logits / fit_temperature(logits, target), target)
    assert again == pytest.approx(1.0, abs=1e-6)


def test_runaway_fits_end_at_the_limits() -> None:
    target = np.arange(6) % 3
    all_right = np.eye(3)[target] * 4
    assert fit_temperature(all_right, target) == TEMPERATURES[0]
    assert fit_temperature(-all_right, target) == TEMPERATURES[1]


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(UsageError, match="no images; hold some out"):
        fit_temperature(np.empty((0, 3)), np.empty(0, np.int64))
    with pytest.raises(UsageError, match="not finite"):
        fit_temperature(np.array([[np.inf, 0.0]]), np.array([0]))
