"""Several questions of one label each, judged together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from lapel.metrics.grouped import GroupAnswers, GroupedImages
from lapel.schema.errors import UsageError


def six_groups(seed: int = 0, images: int = 90) -> GroupedImages:
    """Six groups as those of CE7454: all known, the later labels rare."""
    random = np.random.default_rng(seed)
    groups = {}
    for group, labels in enumerate((7, 3, 3, 4, 6, 3)):
        rates = 1.0 / np.arange(1, labels + 1)
        target = random.choice(labels, size=images, p=rates / rates.sum())
        answered = np.where(random.random(images) < 0.6, target, 0)
        groups[f"group{group}"] = group_of(labels, target, answered)
    return GroupedImages(groups=groups)


def group_of(
    labels: int,
    target: NDArray[np.int64],
    predicted: NDArray[np.int64],
    known: NDArray[np.bool_] | None = None,
) -> GroupAnswers:
    return GroupAnswers(
        labels=labels,
        target=target,
        predicted=predicted,
        known=np.ones(len(target), np.bool_) if known is None else known,
    )


def test_grouped_accuracy_is_right_by_six_times_images_and_the_mean_of_six() -> None:
    images = six_groups()
    right = sum(int((g.target == g.predicted).sum()) for g in images.groups.values())
    numbers = images.numbers()
    assert numbers["grouped_accuracy"] == pytest.approx(right / (6 * len(images)))
    each = [accuracy_score(g.target, g.predicted) for g in images.groups.values()]
    assert numbers["grouped_accuracy"] == pytest.approx(np.mean(each))
    assert [g.accuracy() for g in images.groups.values()] == pytest.approx(each)


def test_macro_recall_is_scikit_learns_balanced_accuracy() -> None:
    images = six_groups()
    each = [balanced_accuracy_score(g.target, g.predicted) for g in images.groups.values()]
    assert [g.macro_recall() for g in images.groups.values()] == pytest.approx(each)
    assert images.numbers()["grouped_macro_recall"] == pytest.approx(np.mean(each))


def test_a_rare_label_missed_shows_in_macro_recall_though_not_in_accuracy() -> None:
    target = np.array([0] * 98 + [1, 1])
    group = group_of(3, target, np.zeros(100, np.int64))
    assert group.accuracy() == pytest.approx(0.98)
    assert group.macro_recall() == pytest.approx(0.5)


def test_exact_match_wants_all_groups_right() -> None:
    first = group_of(2, np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1]))
    second = group_of(2, np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1]))
    numbers = GroupedImages(groups={"first": first, "second": second}).numbers()
    assert numbers["exact_match"] == pytest.approx(1 / 4)
    assert numbers["grouped_accuracy"] == pytest.approx(4 / 8)


def test_what_is_unknown_takes_no_part() -> None:
    first = group_of(2, np.array([0, 1, 0]), np.array([0, 1, 1]), np.array([True, True, False]))
    second = group_of(2, np.array([1, 0, 0]), np.array([1, 1, 1]), np.array([True, False, False]))
    numbers = GroupedImages(groups={"first": first, "second": second}).numbers()
    assert numbers == {
        "grouped_accuracy": pytest.approx(3 / 3),
        "exact_match": pytest.approx(2 / 2),
        "grouped_macro_recall": pytest.approx(1.0),
    }


def test_of_nothing_known_nothing_is_measured() -> None:
    nothing = np.zeros(2, np.bool_)
    group = group_of(2, np.array([0, 1]), np.array([0, 1]), nothing)
    images = GroupedImages(groups={"only": group})
    assert all(np.isnan(value) for value in images.numbers().values())
    assert np.isnan(group.accuracy())


def test_images_are_taken_in_all_groups_alike() -> None:
    images = six_groups()
    rows = np.array([3, 3, 0])
    taken = images.take(rows)
    assert len(taken) == 3
    for name, group in images.groups.items():
        assert taken.groups[name].target.tolist() == group.target[rows].tolist()
        assert taken.groups[name].right.tolist() == group.right[rows].tolist()


def test_groups_of_different_images_are_refused() -> None:
    one, two = (group_of(2, np.zeros(n, np.int64), np.zeros(n, np.int64)) for n in (1, 2))
    with pytest.raises(UsageError, match=r"the same images, found \{'one': 1, 'two': 2\}"):
        GroupedImages(groups={"one": one, "two": two})
    with pytest.raises(UsageError, match="found no group"):
        GroupedImages(groups={})
