"""Counts that add up, checked against scikit-learn and against hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from lapel.metrics.classification import (
    ClassificationCounts,
    classify,
    count_classification,
    softmax,
)
from lapel.schema.errors import UsageError


def answers(
    images: int, labels: int, *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(images, labels)) * 2
    target = random.integers(labels, size=images)
    logits[np.arange(images), target] += 1.5
    return softmax(logits), target


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities with many ties, and targets."""
    images, labels = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = random.integers(-2, 3, (images, labels)).astype(np.float64)
    return softmax(logits), random.integers(labels, size=images)


@pytest.mark.parametrize(("images", "labels", "seed"), [(500, 10, 0), (200, 3, 1), (30, 60, 2)])
def test_numbers_agree_with_scikit_learn(images: int, labels: int, seed: int) -> None:
    probabilities, target = answers(images, labels, seed=seed)
    counts = count_classification(probabilities, target)
    numbers = counts.numbers()
    predicted = probabilities.argmax(axis=1)
    assert numbers["accuracy"] == pytest.approx(metrics.accuracy_score(target, predicted))
    loss = metrics.log_loss(target, probabilities, labels=np.arange(labels))
    assert numbers["nll"] == pytest.approx(loss)
    for k in (3, 5):
        if k < labels:
            theirs = metrics.top_k_accuracy_score(
                target, probabilities, k=k, labels=np.arange(labels)
            )
            assert numbers[f"top{k}"] == pytest.approx(theirs)
    for average in ("macro", "weighted"):
        theirs = metrics.precision_recall_fscore_support(
            target, predicted, average=average, zero_division=0
        )
        mine = [numbers[f"{average}_{name}"] for name in ("precision", "recall", "f1")]
        assert mine == pytest.approx(theirs[:3])
    theirs = metrics.confusion_matrix(target, predicted, labels=np.arange(labels))
    np.testing.assert_array_equal(counts.confusion, theirs)


def test_each_label_agrees_with_scikit_learn() -> None:
    probabilities, target = answers(300, 7, seed=3)
    each = count_classification(probabilities, target).per_class()
    predicted = probabilities.argmax(axis=1)
    theirs = metrics.precision_recall_fscore_support(
        target, predicted, labels=np.arange(7), zero_division=0
    )
    mine = (each.precision, each.recall, each.f1, each.support)
    for ours, expected in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(ours, expected)
    cells = metrics.multilabel_confusion_matrix(target, predicted, labels=np.arange(7))
    np.testing.assert_array_equal(each.tn, cells[:, 0, 0])
    np.testing.assert_array_equal(each.fp, cells[:, 0, 1])
    np.testing.assert_array_equal(each.fn, cells[:, 1, 0])
    np.testing.assert_array_equal(each.tp, cells[:, 1, 1])


@settings(deadline=None)
@given(cases(), st.integers(0, 40))
def test_counts_of_parts_add_up_to_the_whole(
    case: tuple[NDArray[np.float64], NDArray[np.int64]], cut: int
) -> None:
    probabilities, target = case
    whole = count_classification(probabilities, target)
    parts = count_classification(probabilities[:cut], target[:cut]) + count_classification(
        probabilities[cut:], target[cut:]
    )
    np.testing.assert_array_equal(parts.confusion, whole.confusion)
    np.testing.assert_array_equal(parts.bins.images, whole.bins.images)
    assert parts.hits == whole.hits
    assert parts.numbers() == pytest.approx(whole.numbers())


@settings(deadline=None)
@given(cases())
def test_counts_are_consistent(case: tuple[NDArray[np.float64], NDArray[np.int64]]) -> None:
    probabilities, target = case
    counts = count_classification(probabilities, target)
    each = counts.per_class()
    assert counts.images == len(target) == int(counts.bins.images.sum())
    assert int(np.trace(counts.confusion)) == counts.hits[1] == int(counts.bins.correct.sum())
    np.testing.assert_array_equal(each.tp + each.fp + each.fn + each.tn, len(target))
    hits = [counts.hits[k] for k in sorted(counts.hits)]
    assert hits == sorted(hits)
    assert all(0 <= value <= 1 for name, value in counts.numbers().items() if name != "nll")


def test_equal_probabilities_keep_the_order_of_the_labels() -> None:
    equal = np.full((4, 4), 0.25)
    counts = count_classification(equal, np.array([0, 1, 2, 3]))
    np.testing.assert_array_equal(counts.confusion[:, 0], 1)
    assert counts.hits == {1: 1, 3: 3}


def test_top_k_is_left_out_where_there_are_fewer_labels() -> None:
    probabilities, target = answers(10, 3, seed=0)
    numbers = count_classification(probabilities, target).numbers()
    assert numbers["top3"] == 1.0
    assert "top5" not in numbers


def test_labels_never_seen_take_no_part_in_macro_means() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    numbers = count_classification(probabilities, np.array([0, 1])).numbers()
    assert numbers["macro_f1"] == 1.0


def test_a_label_predicted_but_absent_counts_as_zero() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    numbers = count_classification(probabilities, np.array([0, 0])).numbers()
    assert numbers["macro_recall"] == 0.25
    assert numbers["weighted_recall"] == 0.5


def test_an_impossible_answer_costs_much_but_not_everything() -> None:
    counts = count_classification(np.array([[1.0, 0.0]]), np.array([1]))
    assert counts.numbers()["nll"] == pytest.approx(-np.log(np.finfo(np.float64).eps))


def test_no_images_give_no_numbers() -> None:
    counts = count_classification(np.empty((0, 4)), np.empty(0, np.int64))
    assert counts.images == 0
    assert all(np.isnan(value) for value in counts.numbers().values())


@pytest.mark.parametrize("images", [0, 60])
def test_numbers_of_probabilities_are_the_same_without_counting_pairs(images: int) -> None:
    probabilities, target = answers(60, 4, seed=6)
    judged = classify(probabilities[:images], target[:images])
    numbers = judged.counts().numbers()
    expected = {name: numbers[name] for name in ("nll", "ece")}
    assert judged.probability_numbers() == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_no_images_add_nothing() -> None:
    probabilities, target = answers(20, 4, seed=5)
    counts = count_classification(probabilities, target)
    nothing = count_classification(probabilities[:0], target[:0])
    assert (counts + nothing).numbers() == counts.numbers()


def test_softmax_is_safe_from_overflow() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0.0]])


def other(labels: int) -> ClassificationCounts:
    return count_classification(*answers(5, labels, seed=0))


def test_counts_of_other_labels_are_refused() -> None:
    with pytest.raises(UsageError, match="counts of 3 labels cannot be added to counts of 4"):
        other(3) + other(4)


@pytest.mark.parametrize(
    ("probabilities", "target", "message"),
    [
        (np.ones((2, 3)), np.array([0]), r"found shapes \(2, 3\) and \(1,\)"),
        (np.ones(3), np.array([0]), r"expected probabilities \(images, labels\)"),
        (np.ones((1, 3)), np.array([3]), "targets run from 3 to 3, but there are 3 labels"),
        (np.full((1, 3), np.nan), np.array([0]), "not finite"),
    ],
)
def test_misfits_are_refused(
    probabilities: NDArray[np.float64], target: NDArray[np.int64], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        count_classification(probabilities, target)
