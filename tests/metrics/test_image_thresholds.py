"""Thresholds for the best mean F1 of images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tag_examples import drawn

from lapel.metrics.image_thresholds import thresholds_for_images
from lapel.metrics.tags import TaggedImages
from lapel.metrics.thresholds import tune_thresholds


def mean_f1(images: TaggedImages, thresholds: NDArray[np.float64]) -> float:
    """Of images with a known answer."""
    judged = TaggedImages(
        probabilities=images.probabilities,
        target=images.target,
        weight=images.weight,
        thresholds=thresholds,
    )
    return judged.counts().numbers()["mean_f1"]


def tuned(images: TaggedImages, start: float = 0.5) -> NDArray[np.float64]:
    return thresholds_for_images(images.probabilities, images.target, images.weight, start=start)


@given(seed=st.integers(0, 1000), start=st.sampled_from([0.0, 0.3, 0.5, 0.9]))
@settings(max_examples=20, deadline=None)
def test_no_change_of_one_threshold_is_better(seed: int, start: float) -> None:
    images = drawn(40, 4, seed=seed)
    found = tuned(images, start)
    reached = mean_f1(images, found)
    assert reached >= mean_f1(images, np.full(4, start)) - 1e-12
    for label in range(4):
        for other in [*np.unique(images.probabilities[:, label]), 2.0]:
            changed = found.copy()
            changed[label] = other
            assert mean_f1(images, changed) <= reached + 1e-9


def test_what_is_unknown_changes_nothing() -> None:
    images = drawn(100, 4)
    other = TaggedImages(
        probabilities=np.where(images.known, images.probabilities, np.nan),
        target=np.where(images.known, images.target, 1 - images.target).astype(np.uint8),
        weight=images.weight,
        thresholds=images.thresholds,
    )
    assert tuned(other).tolist() == tuned(images).tolist()


def test_a_label_of_which_nothing_is_known_keeps_the_start() -> None:
    images = drawn(100, 4)
    images.weight[:, 2] = 0
    assert tuned(images, 0.45)[2] == 0.45


def test_probabilities_that_are_too_high_for_rare_labels_are_mended() -> None:
    """As after learning with weights of classes: one threshold for all says too much."""
    images = drawn(600, 6, known=1.1)
    rare = 1 / np.linspace(0.05, 0.6, 6) - 1
    odds = rare * images.probabilities / (1.0001 - images.probabilities)
    lifted = TaggedImages(
        probabilities=odds / (1 + odds),
        target=images.target,
        weight=images.weight,
        thresholds=images.thresholds,
    )
    shared = max(mean_f1(lifted, np.full(6, cut)) for cut in np.unique(lifted.probabilities)[::20])
    assert mean_f1(lifted, tuned(lifted)) > shared + 0.02


def test_it_is_better_for_images_and_worse_for_labels_than_cuts_of_labels() -> None:
    images = drawn(500, 12, known=1.1)
    arrays = (images.probabilities, images.target, images.weight)
    for_images = tune_thresholds(*arrays, goal="f1")
    for_labels = tune_thresholds(*arrays, goal="label_f1")
    assert mean_f1(images, for_images) > mean_f1(images, for_labels)

    def macro(thresholds: NDArray[np.float64]) -> float:
        said = images.probabilities >= thresholds
        right = (said & (images.target > 0)).sum(axis=0)
        return float((2 * right / (said.sum(axis=0) + images.target.sum(axis=0))).mean())

    assert macro(for_labels) > macro(for_images)


def test_a_label_that_is_never_worth_saying_is_said_only_when_surer_than_ever_seen() -> None:
    probabilities = np.array([[0.9, 0.6], [0.8, 0.7], [0.9, 0.5]])
    target = np.array([[1, 0], [1, 0], [1, 0]], np.uint8)
    found = thresholds_for_images(probabilities, target, np.ones_like(target), start=0.5)
    assert found == pytest.approx([0.5, 0.85])
