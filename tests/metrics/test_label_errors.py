"""Doubtful labels: planted errors are found, the most doubtful first."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.metrics.classification import softmax
from lapel.metrics.label_errors import find_label_errors
from lapel.schema.errors import UsageError


def test_planted_errors_are_found() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(5, size=1000)
    probabilities = softmax(np.eye(5)[truth] * 8 + random.normal(size=(1000, 5)))
    label = truth.copy()
    planted = random.choice(1000, 60, replace=False)
    label[planted] = (truth[planted] + 1) % 5
    found = find_label_errors(probabilities, label)
    # Those of them whose true label reaches its threshold, the mean: more than half.
    right = np.isin(found.rows, planted)
    assert right.sum() >= 45
    assert right.mean() >= 0.95
    assert (found.suggested[right] == truth[found.rows[right]]).mean() > 0.95


def test_the_most_doubtful_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.4, 0.6], [0.0, 1.0], [0.8, 0.2]])
    found = find_label_errors(probabilities, np.array([0, 0, 0, 0, 1]))
    margins = found.self_confidence - found.suggested_probability
    assert found.rows[0] == 3
    assert found.suggested[0] == 1
    assert (found.self_confidence[0], found.suggested_probability[0]) == (0.0, 1.0)
    assert margins.tolist() == sorted(margins)


def test_a_label_is_never_doubted_for_a_less_probable_one() -> None:
    random = np.random.default_rng(1)
    probabilities = softmax(random.normal(size=(400, 6)))
    found = find_label_errors(probabilities, random.integers(6, size=400))
    assert len(found) > 0
    assert (found.self_confidence < found.suggested_probability).all()


def test_thresholds_excuse_labels_that_are_always_unsure() -> None:
    # Label 1 never gets more than 0.5: an image of label 0 at 0.55 reaches no threshold of 0
    # (0.775) but does not reach that of 1 (0.5) either, so it counts for neither.
    probabilities = np.array([[1.0, 0.0], [0.55, 0.45], [0.5, 0.5], [0.5, 0.5]])
    assert find_label_errors(probabilities, np.array([0, 0, 1, 1])).rows.tolist() == []


def test_agreement_leaves_nothing_to_doubt() -> None:
    label = np.arange(9) % 3
    assert len(find_label_errors(np.eye(3)[label], label)) == 0


def test_no_images_have_no_doubtful_labels() -> None:
    assert len(find_label_errors(np.empty((0, 3)), np.empty(0, np.int64))) == 0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"found shapes \(2, 3\) and \(5,\)"):
        find_label_errors(np.ones((2, 3)), np.zeros(5, np.int64))
