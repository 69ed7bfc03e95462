"""Doubt is measured by the definitions, and near-twins do not follow each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

from lapel.review.doubt import (
    MEASURES,
    Measure,
    disagreement,
    diverse,
    entropy,
    least_confident,
    margin,
    mean_where,
    measure_of,
    most_doubtful,
    one_hot,
    told_or_not,
    yes_or_no,
)
from lapel.schema.errors import UsageError

SURE = [1.0, 0.0, 0.0]
NOBODY_KNOWS = [1 / 3, 1 / 3, 1 / 3]
TWO_LEFT = [0.5, 0.5, 0.0]

distributions = st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(
    lambda values: np.array(values) / np.sum(values)
)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_doubt_runs_from_sure_to_anybody_s_guess(measure: Measure) -> None:
    doubts = measure(np.array([SURE, TWO_LEFT, NOBODY_KNOWS]))
    assert doubts[0] == pytest.approx(0)
    assert doubts[2] == pytest.approx(1)
    assert 0.5 < doubts[1] <= 1
    # Of one option nobody can be in doubt.
    assert measure(np.ones((2, 1))).tolist() == [0, 0]


@settings(deadline=None)
@given(distributions)
def test_entropy_is_that_of_scipy(probabilities: np.ndarray) -> None:
    expected = scipy_entropy(probabilities, base=3)
    assert entropy(probabilities[None])[0] == pytest.approx(expected, abs=1e-12)


def test_margin_and_least_confident_by_hand() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2]])
    assert margin(probabilities)[0] == pytest.approx(1 - 0.2)
    assert least_confident(probabilities)[0] == pytest.approx(0.5 / (2 / 3))


@settings(deadline=None)
@given(distributions, distributions)
def test_disagreement_is_the_jensen_shannon_divergence(
    first: np.ndarray, second: np.ndarray
) -> None:
    expected = jensenshannon(first, second, base=2) ** 2
    assert disagreement(first, second) == pytest.approx(expected, abs=1e-6)
    assert disagreement(first, second) == pytest.approx(disagreement(second, first))


def test_the_less_a_model_thinks_of_a_label_the_more_they_disagree() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.05, 0.95, 0.0], [0.0, 0.0, 1]])
    apart = disagreement(probabilities, one_hot(np.array([0, 0, 0, 0]), 3))
    assert (np.diff(apart) > 0).all()
    assert apart[3] == pytest.approx(1)


def test_the_score_nearest_to_the_threshold_is_the_most_doubtful() -> None:
    scores = np.array([0.05, 0.19, 0.2, 0.21, 0.95])
    doubts = entropy(told_or_not(scores, 0.2))
    assert doubts.argmax() == 2
    assert doubts[2] == pytest.approx(1)
    assert doubts[0] < doubts[1]
    assert doubts[4] < doubts[3]
    assert np.isfinite(entropy(told_or_not(np.array([0.0, 0.5, 1.0]), 0.0))).all()
    assert np.isfinite(entropy(told_or_not(np.array([0.0, 0.5, 1.0]), 1.0))).all()


def test_what_is_not_known_takes_no_part() -> None:
    values = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    weights = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    means = mean_where(values, weights)
    assert means[:2].tolist() == [0.5, 0.0]
    assert np.isnan(means[2])


def test_equals_keep_their_order_and_the_unknown_come_last() -> None:
    order = most_doubtful(np.array([0.2, np.nan, 0.9, 0.2]))
    assert order.tolist() == [2, 0, 3, 1]
    assert most_doubtful(np.array([0.2, 0.9]), 1).tolist() == [1]


def test_a_measure_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="least-confident"):
        measure_of("entropi")


def unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def test_near_twins_do_not_follow_each_other() -> None:
    random = np.random.default_rng(0)
    items = unit(random.normal(size=(10, 16)))
    # Five photos of each of ten items, all photos of the first items more doubtful.
    vectors = unit(np.repeat(items, 5, axis=0) + random.normal(0, 0.01, (50, 16)))
    doubt = np.linspace(0.9, 0.8, 50)

    order = diverse(doubt, vectors, count=10)
    assert order[0] == 0
    assert sorted(set((order // 5).tolist())) == list(range(10))
    assert len(set((most_doubtful(doubt, 10) // 5).tolist())) == 2


def test_a_photo_that_is_like_no_other_waits_while_it_is_not_doubtful() -> None:
    random = np.random.default_rng(1)
    vectors = unit(random.normal(size=(40, 8)))
    doubt = np.where(np.arange(40) < 20, 0.9, 0.001)
    assert (diverse(doubt, vectors, count=15) < 20).all()


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_all_photos_come_once(photos: int, pool: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    doubt = random.uniform(size=photos)
    doubt[random.uniform(size=photos) < 0.1] = np.nan
    vectors = unit(random.normal(size=(photos, 4)))
    order = diverse(doubt, vectors, pool=pool)
    assert sorted(order.tolist()) == list(range(photos))
    count = max(1, photos // 2)
    # Asked for fewer, the same photos come first.
    assert diverse(doubt, vectors, pool=pool, count=count).tolist() == order[:count].tolist()


def test_vectors_that_are_not_as_many_as_photos_are_refused() -> None:
    with pytest.raises(UsageError, match="a vector for each of 3"):
        diverse(np.zeros(3), np.zeros((2, 4), np.float32))


def test_yes_or_no_are_two_options() -> None:
    assert yes_or_no(np.array([[0.25]])).tolist() == [[[0.75, 0.25]]]
