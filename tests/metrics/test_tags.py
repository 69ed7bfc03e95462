"""Tags against scikit-learn, by hand, and in parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
)
from tag_examples import drawn, tagged

from lapel.metrics.bootstrap import bootstrap
from lapel.metrics.calibration import BINS
from lapel.metrics.tags import LEANING, ResampledTags, TagCounts, TaggedImages
from lapel.schema.errors import UsageError


def whole(seed: int = 0) -> TaggedImages:
    return drawn(seed=seed, known=1.1)


def test_all_averages_are_scikit_learns_where_all_is_known() -> None:
    images = whole()
    answer = images.predicted.astype(int)
    numbers = images.counts().numbers()
    for average in ("micro", "macro"):
        expected = precision_recall_fscore_support(
            images.target, answer, average=average, zero_division=0
        )
        found = [numbers[f"{average}_{name}"] for name in ("precision", "recall", "f1")]
        assert found == pytest.approx(expected[:3])
    assert numbers["map"] == pytest.approx(
        average_precision_score(images.target, images.probabilities)
    )
    assert numbers["mean_f1"] == pytest.approx(
        f1_score(images.target, answer, average="samples", zero_division=1)
    )
    assert numbers["exact_match"] == pytest.approx((images.target == answer).all(axis=1).mean())
    assert numbers["label_accuracy"] == pytest.approx((images.target == answer).mean())
    # scikit-learn clips where we do: at the machine's epsilon.
    flat = images.probabilities.ravel()
    assert numbers["nll"] == pytest.approx(
        log_loss(images.target.ravel(), np.stack([1 - flat, flat], axis=1))
    )


def test_each_label_is_scikit_learns() -> None:
    images = whole()
    answer = images.predicted.astype(int)
    each = images.counts().per_label()
    cells = multilabel_confusion_matrix(images.target, answer)
    assert each.tn.tolist() == cells[:, 0, 0].tolist()
    assert each.fp.tolist() == cells[:, 0, 1].tolist()
    assert each.fn.tolist() == cells[:, 1, 0].tolist()
    assert each.tp.tolist() == cells[:, 1, 1].tolist()
    expected = precision_recall_fscore_support(images.target, answer, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert getattr(each, name) == pytest.approx(values)
    assert each.threshold.tolist() == images.thresholds.tolist()


def test_the_example_of_kaggles_mean_f1() -> None:
    """Truth {3, 10, 11}, answer {3, 11}: precision 1, recall 2/3, F1 0.8."""
    truth, said = np.zeros((1, 12), np.uint8), np.zeros((1, 12))
    truth[0, [3, 10, 11]] = 1
    said[0, [3, 11]] = 1.0
    numbers = tagged(said.tolist(), truth.tolist()).counts().numbers()
    assert numbers["mean_f1"] == pytest.approx(0.8)
    assert numbers["micro_precision"] == 1
    assert numbers["micro_recall"] == pytest.approx(2 / 3)


def test_two_empty_sets_agree_and_one_does_not() -> None:
    answers = tagged([[0.1, 0.1], [0.9, 0.1], [0.1, 0.1]], [[0, 0], [0, 0], [0, 1]])
    assert answers.f1_of_images().tolist() == [1.0, 0.0, 0.0]
    assert answers.counts().numbers()["mean_f1"] == pytest.approx(1 / 3)


def test_a_probability_at_the_threshold_is_a_yes() -> None:
    assert tagged([[0.5, 0.4999]], [[1, 1]]).predicted.tolist() == [[True, False]]


def test_unknown_answers_take_part_in_nothing() -> None:
    images = drawn()
    changed = TaggedImages(
        probabilities=np.where(images.known, images.probabilities, np.nan),
        target=np.where(images.known, images.target, 1 - images.target).astype(np.uint8),
        weight=images.weight,
        thresholds=images.thresholds,
    )
    assert changed.counts().numbers() == images.counts().numbers()
    assert (changed.f1_of_images() == images.f1_of_images()).all()
    assert changed.counts().bins.error == images.counts().bins.error


def test_each_label_is_judged_on_the_images_where_it_is_known() -> None:
    images = drawn()
    each = images.counts().per_label()
    for label in range(images.target.shape[1]):
        known = images.known[:, label]
        truth, scores = images.target[known, label], images.probabilities[known, label]
        assert each.ap[label] == pytest.approx(average_precision_score(truth, scores))
        said = scores >= images.thresholds[label]
        assert each.f1[label] == pytest.approx(f1_score(truth, said))
        assert each.tp[label] + each.fp[label] + each.fn[label] + each.tn[label] == known.sum()


def test_images_of_which_nothing_is_known_are_none() -> None:
    images = drawn()
    weight = images.weight.copy()
    weight[:50] = 0
    hidden = TaggedImages(
        probabilities=images.probabilities,
        target=images.target,
        weight=weight,
        thresholds=images.thresholds,
    )
    shown = images.take(np.arange(50, 200))
    assert hidden.counts().numbers() == pytest.approx(shown.counts().numbers())
    assert hidden.counts().images == 150


def test_labels_without_positives_take_no_part_in_means_and_are_said() -> None:
    answers = tagged([[0.9, 0.9, 0.2], [0.2, 0.8, 0.1]], [[1, 0, 0], [0, 0, 0]])
    counts = answers.counts()
    numbers = counts.numbers()
    assert numbers["map"] == numbers["macro_f1"] == 1.0
    assert numbers["micro_precision"] == pytest.approx(1 / 3)
    assert counts.labels_without_positives == 2
    assert np.isnan(counts.per_label().ap).tolist() == [False, True, True]


def test_numbers_of_nothing_are_nan_and_add_nothing() -> None:
    images = drawn(40)
    nothing = images.take(np.arange(0)).counts()
    assert all(np.isnan(value) for value in nothing.numbers().values())
    assert (images.counts() + nothing).numbers() == images.counts().numbers()


@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=30, deadline=None)
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(seed: int, cuts: list[int]) -> None:
    images = drawn(60, 4, seed=seed)
    edges = [0, *sorted(cuts), 60]
    parts = [images.take(np.arange(start, end)).counts() for start, end in pairwise(edges)]
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    assert summed.numbers() == pytest.approx(images.counts().numbers(), nan_ok=True)
    assert summed.labels_without_positives == images.counts().labels_without_positives
    assert (summed.bins.images == images.counts().bins.images).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_resampling_without_sorting_anew_gives_the_same_numbers(seed: int) -> None:
    images = drawn(30, 4, seed=seed)
    rows = np.random.default_rng(seed).integers(30, size=30)
    slow = images.take(rows).counts().numbers()
    assert ResampledTags(images)(rows) == pytest.approx(slow, nan_ok=True)


@pytest.mark.parametrize("rarest", [0.05, 0.01])
def test_intervals_hold_their_value(rarest: float) -> None:
    """Of rare labels too, whose average precision is larger on images that are repeated."""
    images = drawn(150, 8, rarest=rarest)
    intervals = bootstrap(ResampledTags(images), len(images), resamples=200, leaning=LEANING)
    for name, interval in intervals.items():
        assert interval.low <= interval.value <= interval.high, name
    plain = bootstrap(ResampledTags(images), len(images), resamples=200)["map"]
    assert intervals["map"].high < plain.high


def test_labels_that_resamples_lack_do_not_lift_macro_numbers() -> None:
    """Ten labels that are always found, and sixty of one image each that never are."""
    often = np.tile(np.arange(60)[:, None] % 2, 10)
    target = np.concatenate([often, np.eye(60, dtype=np.int64)], axis=1).astype(np.uint8)
    said = np.where(np.arange(70) < 10, 0.1 + 0.8 * target, 0.1)
    images = tagged(said.tolist(), target.tolist())
    numbers = ResampledTags(images)
    plain = bootstrap(numbers, len(images), resamples=100)
    intervals = bootstrap(numbers, len(images), resamples=100, leaning=LEANING)
    for name in ("macro_precision", "macro_recall", "macro_f1"):
        assert intervals[name].value == pytest.approx(10 / 70)
        assert intervals[name].low < intervals[name].value < intervals[name].high
        # A resample has some 38 of the sixty.
        assert plain[name].low > intervals[name].value


def test_the_calibration_error_compares_the_probability_of_a_yes_with_truth() -> None:
    # Ten answers of 0.3, of which three hold: calibrated. Ten of 0.9, of which none does.
    probabilities = [[0.3, 0.9]] * 10
    target = [[1, 0]] * 3 + [[0, 0]] * 7
    counts = tagged(probabilities, target).counts()
    assert counts.numbers()["ece"] == pytest.approx((0.0 + 0.9) / 2)
    assert counts.bins.error == pytest.approx(0.45)
    assert counts.bins.images.sum() == 20
    assert len(counts.bins.images) == BINS


def test_counts_of_other_thresholds_are_refused() -> None:
    mine = tagged([[0.5]], [[1]]).counts()
    other = tagged([[0.5]], [[1]], threshold=0.7).counts()
    with pytest.raises(UsageError, match="other thresholds; judge all parts with the same"):
        mine + other


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"found shapes \(1, 2\), \(1, 2\), \(1, 1\), \(2,\)"):
        tagged([[0.5, 0.5]], [[1, 0]], [[1]])


def test_probabilities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(UsageError, match="not finite"):
        tagged([[float("nan")]], [[1]])


def test_one_part_is_not_copied() -> None:
    images = drawn(10)
    assert TagCounts(parts=(images,)).joined() is images
