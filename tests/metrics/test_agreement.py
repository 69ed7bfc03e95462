"""Kappas against scikit-learn, the papers' own examples, and what people would expect."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lapel.metrics.agreement import COHEN, FLEISS, agreement, cohen_kappa, fleiss_kappa
from lapel.schema.errors import UsageError

#: Fleiss 1971, table 1 gives thirty patients, six raters and five diagnoses; this is the smaller
#: example that goes round in textbooks: ten items, fourteen raters, five categories, kappa 0.210.
TEXTBOOK = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)

labels = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40
)


@settings(deadline=None)
@given(labels)
def test_cohen_s_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    if len({*first, *second}) == 1:
        assert math.isnan(cohen_kappa(first, second))
    else:
        assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_cohen_s_kappa_of_a_worked_example() -> None:
    """Two readers of 50 applications: 20 both yes, 15 both no, 5 and 10 apart: 0.4."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_fleiss_kappa_of_the_textbook() -> None:
    assert fleiss_kappa(TEXTBOOK) == pytest.approx(0.210, abs=0.0005)


def test_fleiss_kappa_of_two_who_mirror_each_other() -> None:
    """With two raters it is Scott's pi: the expected agreement by the proportions of both."""
    counts = np.array([[2, 0], [0, 2], [1, 1], [2, 0]])
    shares = np.array([5 / 8, 3 / 8])
    expected = float((shares**2).sum())
    assert fleiss_kappa(counts) == pytest.approx((0.75 - expected) / (1 - expected))


def test_items_that_one_person_answered_take_no_part() -> None:
    more = np.concatenate([TEXTBOOK, [[1, 0, 0, 0, 0]], [[0, 0, 0, 0, 0]]])
    assert fleiss_kappa(more) == pytest.approx(fleiss_kappa(TEXTBOOK))


def test_kappa_says_nothing_where_there_is_nothing_to_tell() -> None:
    assert math.isnan(cohen_kappa([], []))
    assert math.isnan(cohen_kappa(["a", "a"], ["a", "a"]))
    assert math.isnan(fleiss_kappa(np.zeros((0, 3), np.int64)))
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match="2 and 1 answers"):
        cohen_kappa(["a", "b"], ["a"])
    with pytest.raises(UsageError, match="counts"):
        fleiss_kappa(np.array([1, 2]))


def test_two_people_are_compared_on_what_both_answered() -> None:
    answers = [
        ("1.jpg", "kim", "dress"),
        ("2.jpg", "kim", "hat"),
        ("3.jpg", "kim", "hat"),
        ("1.jpg", "ana", "dress"),
        ("2.jpg", "ana", "dress"),
        ("2.jpg", "ana", "hat"),  # she has thought again
        ("4.jpg", "ana", "hat"),
    ]
    found = agreement(answers)
    assert (found.name, found.items, found.people) == (COHEN, 2, 2)
    assert found.kappa == pytest.approx(1)
    assert found.observed == 1


def test_three_people_are_compared_by_fleiss_whoever_answered_what() -> None:
    answers = [
        (item, person, value)
        for item, values in enumerate(["aab", "aaa", "bb ", "ba "])
        for person, value in zip("xyz", values, strict=True)
        if value != " "
    ]
    found = agreement(answers)
    assert (found.name, found.items, found.people) == (FLEISS, 4, 3)
    counts = np.array([[2, 1], [3, 0], [0, 2], [1, 1]])
    assert found.kappa == pytest.approx(fleiss_kappa(counts))
    # Of 3 + 3 + 1 + 1 pairs of answers 1 + 3 + 1 + 0 are equal.
    assert found.observed == pytest.approx(5 / 8)


def test_nobody_answered_twice() -> None:
    found = agreement([("1.jpg", "kim", "hat"), ("2.jpg", "ana", "hat")])
    assert (found.items, found.people) == (0, 0)
    assert math.isnan(found.kappa)
    assert math.isnan(found.observed)
