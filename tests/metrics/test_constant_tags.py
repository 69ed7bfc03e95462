"""The strongest answer that never looks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from tag_examples import drawn

from lapel.metrics.constant_tags import ConstantTags, best_constant_set
from lapel.metrics.tags import TaggedImages


def f1_of(images: TaggedImages, labels: tuple[int, ...]) -> float:
    chosen = np.isin(np.arange(images.target.shape[1]), labels)
    answer = ConstantTags(frequencies=np.full(len(chosen), 0.5), chosen=chosen)
    return answer.answered(images.target, images.weight).counts().numbers()["mean_f1"]


def test_no_constant_set_is_better_where_all_is_known() -> None:
    images = drawn(150, 5, known=1.1)
    found = best_constant_set(images.target, images.weight)
    reached = f1_of(images, tuple(np.flatnonzero(found.chosen)))
    every = [labels for size in range(6) for labels in combinations(range(5), size)]
    assert reached == pytest.approx(max(f1_of(images, labels) for labels in every))
    assert 0 < found.chosen.sum() < 5


def test_where_most_bear_no_tag_it_says_nothing() -> None:
    target = np.zeros((10, 3), np.uint8)
    target[0, 1] = 1
    found = best_constant_set(target, np.ones_like(target))
    assert not found.chosen.any()
    numbers = found.answered(target, np.ones_like(target)).counts().numbers()
    assert numbers["mean_f1"] == pytest.approx(0.9)


def test_unknown_answers_are_not_counted() -> None:
    target = np.array([[1, 1], [0, 1], [1, 1], [1, 0]], np.uint8)
    weight = np.array([[1, 0], [1, 0], [1, 0], [1, 1]], np.uint8)
    found = best_constant_set(target, weight)
    assert found.frequencies.tolist() == pytest.approx([4 / 6, 1 / 3])
    assert found.chosen.tolist() == [True, False]


def test_images_without_a_known_answer_change_nothing() -> None:
    images = drawn(100, 5)
    weight = images.weight.copy()
    weight[50:] = 0
    some = best_constant_set(images.target, weight)
    alone = best_constant_set(images.target[:50], images.weight[:50])
    assert some.chosen.tolist() == alone.chosen.tolist()
    assert some.frequencies.tolist() == alone.frequencies.tolist()


def test_many_images_are_counted_in_pieces() -> None:
    images = drawn(5000, 4)
    twice = best_constant_set(
        np.concatenate([images.target] * 2), np.concatenate([images.weight] * 2)
    )
    assert twice.chosen.tolist() == (
        best_constant_set(images.target, images.weight).chosen.tolist()
    )


def test_its_average_precision_is_how_often_a_label_holds() -> None:
    images = drawn(200, 5, known=1.1)
    answer = best_constant_set(images.target, images.weight)
    each = answer.answered(images.target, images.weight).counts().per_label()
    assert each.ap == pytest.approx(images.target.mean(axis=0))


def test_of_no_images_it_says_nothing() -> None:
    found = best_constant_set(np.zeros((0, 2), np.uint8), np.zeros((0, 2), np.uint8))
    assert not found.chosen.any()
    assert found.frequencies.tolist() == [0.5, 0.5]
