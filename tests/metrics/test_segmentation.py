"""IoU, accuracy and boundaries: as other libraries and a plain count have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from lapel.metrics.bootstrap import bootstrap_repeats
from lapel.metrics.boundaries import TOLERANCE, boundary_scores
from lapel.metrics.segmentation import (
    LEANING,
    ResampledSegmentation,
    SegmentationCounts,
    SegmentationTally,
    segment,
)
from lapel.schema.errors import UsageError
from lapel.schema.masks import UNKNOWN_CLASS

CLASSES = 5


def blobs(
    seed: int, *, height: int = 40, width: int = 56, classes: int = CLASSES
) -> NDArray[np.uint8]:
    """A mask of some rectangles of random classes."""
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(8):
        top, left = random.integers(0, (height, width))
        high, wide = random.integers(3, 20, 2)
        mask[top : top + high, left : left + wide] = random.integers(classes)
    return mask


def pair(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An answer near a truth of which some is unknown; the truth lacks the last class."""
    truth = blobs(seed, classes=CLASSES - 1)
    answer = np.roll(truth, (seed % 4, seed % 3), axis=(0, 1))
    random = np.random.default_rng(seed + 1000)
    answer[random.random(answer.shape) < 0.02] = CLASSES - 1
    truth[5:9, :20] = UNKNOWN_CLASS
    return answer, truth


def counted(seeds: range) -> SegmentationTally:
    tally = SegmentationTally(CLASSES)
    for seed in seeds:
        tally.add(segment(*pair(seed), CLASSES))
    return tally


def test_numbers_are_those_of_scikit_learn() -> None:
    pairs = [pair(seed) for seed in range(12)]
    said = np.concatenate([answer.ravel() for answer, _ in pairs])
    true = np.concatenate([truth.ravel() for _, truth in pairs])
    said, true = said[true != UNKNOWN_CLASS], true[true != UNKNOWN_CLASS]
    there = np.unique(true)
    assert CLASSES - 1 not in there
    counts = counted(range(12)).counts
    numbers, each = counts.numbers(), counts.per_class()
    np.testing.assert_array_equal(
        counts.confusion, confusion_matrix(true, said, labels=range(CLASSES))
    )
    ious = jaccard_score(true, said, labels=there, average=None)
    assert numbers["miou"] == pytest.approx(ious.mean())
    np.testing.assert_allclose(each.iou[there], ious)
    assert np.isnan(each.iou[CLASSES - 1])
    assert numbers["weighted_iou"] == pytest.approx(
        jaccard_score(true, said, labels=there, average="weighted")
    )
    assert numbers["pixel_accuracy"] == pytest.approx(accuracy_score(true, said))
    np.testing.assert_allclose(each.f1[there], f1_score(true, said, labels=there, average=None))
    recalls = [np.mean(said[true == place] == place) for place in there]
    assert numbers["mean_accuracy"] == pytest.approx(np.mean(recalls))


def plain_boundary(mask: NDArray[np.uint8], kind: int) -> NDArray[np.bool_]:
    """Pixels of a class beside one of another known class, by looking at each."""
    found = np.zeros(mask.shape, np.bool_)
    for row, column in np.argwhere(mask == kind):
        for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]
            found[row, column] |= inside and mask[near] not in {kind, UNKNOWN_CLASS}
    return found


def plain_score(answer: NDArray[np.uint8], truth: NDArray[np.uint8], kind: int) -> float:
    """The BF score by distances from every pixel."""
    known = truth != UNKNOWN_CLASS
    rows, columns = np.nonzero(known)
    radius = TOLERANCE * np.hypot(np.ptp(rows) + 1, np.ptp(columns) + 1)
    answer = np.where(known, answer, UNKNOWN_CLASS).astype(np.uint8)
    said, true = plain_boundary(answer, kind), plain_boundary(truth, kind)
    if not (said.any() and true.any()):
        met = bool(((answer == kind) & (truth == kind)).any())
        return float(met and not said.any() and not true.any())
    precision = (distance_transform_edt(~true)[said] < radius).mean()
    recall = (distance_transform_edt(~said)[true] < radius).mean()
    both = float(precision + recall)
    return 2 * float(precision * recall) / both if both else 0.0


@pytest.mark.parametrize("size", [(40, 56), (300, 240), (3, 200), (1, 1), (2, 700)])
def test_boundaries_are_those_of_distances(size: tuple[int, int]) -> None:
    for seed in range(1 if size[0] > 100 else 3):
        truth = blobs(seed, height=size[0], width=size[1])
        answer = np.roll(truth, (seed, 2), axis=(0, 1))
        truth[: size[0] // 4, : size[1] // 4] = UNKNOWN_CLASS
        found = boundary_scores(answer, truth, CLASSES)
        for kind in range(CLASSES):
            if (truth == kind).any():
                assert found[kind] == pytest.approx(plain_score(answer, truth, kind)), kind
            else:
                assert np.isnan(found[kind])


def test_more_classes_than_an_integer_has_bits() -> None:
    truth = np.repeat(np.arange(100, dtype=np.uint8), 3)[None].repeat(4, axis=0)
    found = boundary_scores(np.roll(truth, 1, axis=1), truth, 100)
    plain = [plain_score(np.roll(truth, 1, axis=1), truth, kind) for kind in (0, 50, 63, 64, 99)]
    np.testing.assert_allclose(found[[0, 50, 63, 64, 99]], plain)


def test_the_score_of_a_dataset_is_the_mean_of_its_images() -> None:
    tally = counted(range(6))
    means = [np.nanmean(boundary_scores(*pair(seed), CLASSES)) for seed in range(6)]
    assert tally.counts.numbers()["boundary_f1"] == pytest.approx(np.mean(means))
    np.testing.assert_allclose(tally.images().mean_boundary, means, rtol=1e-6)


def test_a_picture_of_one_class_is_met_or_missed() -> None:
    whole = np.zeros((20, 20), np.uint8)
    spotted = whole.copy()
    spotted[5:9, 5:9] = 1
    assert boundary_scores(whole, whole, 2)[0] == 1
    assert boundary_scores(spotted, whole, 2)[0] == 0
    assert boundary_scores(whole, spotted, 2).tolist() == [0, 0]
    assert boundary_scores(whole + 1, whole, 2)[0] == 0


def test_a_class_among_unknown_pixels_is_met_or_missed() -> None:
    truth = np.full((20, 20), UNKNOWN_CLASS, np.uint8)
    truth[5:9, 5:9] = 1
    truth[12:] = 0
    one, other = (truth == 1).astype(np.uint8), (truth == 0).astype(np.uint8)
    assert boundary_scores(one, truth, 2).tolist() == [1, 1]
    assert boundary_scores(one * 0, truth, 2).tolist() == [1, 0]
    assert boundary_scores(other, truth, 2).tolist() == [0, 0]
    for answer in (one, one * 0, other):
        plain = [plain_score(answer, truth, kind) for kind in range(2)]
        assert boundary_scores(answer, truth, 2).tolist() == plain


def test_counts_of_parts_add_up() -> None:
    whole, first, rest = (counted(seeds).counts for seeds in (range(8), range(3), range(3, 8)))
    together = first + rest
    np.testing.assert_array_equal(together.confusion, whole.confusion)
    assert together.numbers() == pytest.approx(whole.numbers())
    nothing = SegmentationCounts.none(CLASSES)
    assert (whole + nothing).numbers() == pytest.approx(whole.numbers())
    with pytest.raises(UsageError, match="5 classes cannot be added to counts of 2"):
        whole + SegmentationCounts.none(2)


def test_numbers_of_nothing_are_no_numbers() -> None:
    unknown = np.full((4, 4), UNKNOWN_CLASS, np.uint8)
    nothing = segment(np.zeros((4, 4), np.uint8), unknown, CLASSES).counts()
    assert nothing.judged == 0
    assert all(np.isnan(value) for value in nothing.numbers().values())


def test_unknown_pixels_take_no_part_whatever_is_said_of_them() -> None:
    answer, truth = pair(3)
    other = answer.copy()
    other[truth == UNKNOWN_CLASS] = 2
    before, after = (segment(one, truth, CLASSES).counts() for one in (answer, other))
    np.testing.assert_array_equal(before.confusion, after.confusion)
    assert after.numbers() == pytest.approx(before.numbers())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_perfect_answers_reach_one_and_others_less(seed: int) -> None:
    truth = blobs(seed)
    assert set(segment(truth, truth, CLASSES).counts().numbers().values()) == {1.0}
    wrong = (truth + 1) % CLASSES
    assert segment(wrong, truth, CLASSES).counts().numbers()["miou"] == 0


def test_resampled_numbers_are_those_of_the_drawn_images() -> None:
    tally = counted(range(10))
    numbers = ResampledSegmentation(tally.images())
    drawn = np.random.default_rng(0).integers(10, size=10)
    again = SegmentationTally(CLASSES)
    for seed in drawn.tolist():
        again.add(segment(*pair(seed), CLASSES))
    found = numbers(np.bincount(drawn, minlength=10)[None])
    for name, value in again.counts.numbers().items():
        assert found[name][0] == pytest.approx(value), name
    intervals = bootstrap_repeats(numbers, 10, resamples=50)
    for name, value in tally.counts.numbers().items():
        assert intervals[name].value == pytest.approx(value)
        assert intervals[name].low <= intervals[name].high


def test_classes_that_resamples_lack_do_not_lift_the_means() -> None:
    """A class that is always found, and thirty of one image each that never are."""
    tally = SegmentationTally(31)
    for kind in range(1, 31):
        truth = np.zeros((6, 6), np.uint8)
        truth[0, 0] = kind
        tally.add(segment(np.zeros((6, 6), np.uint8), truth, 31))
    numbers = ResampledSegmentation(tally.images())
    plain = bootstrap_repeats(numbers, 30, resamples=100)
    intervals = bootstrap_repeats(numbers, 30, resamples=100, leaning=LEANING)
    for name, share in (("miou", 35 / 36), ("mean_accuracy", 1.0)):
        assert intervals[name].value == pytest.approx(share / 31)
        assert intervals[name].low < intervals[name].value < intervals[name].high
        # A resample has some 19 of the thirty.
        assert plain[name].low > intervals[name].value


def test_masks_that_do_not_fit_are_refused() -> None:
    mask = np.zeros((4, 4), np.uint8)
    with pytest.raises(UsageError, match=r"found \(4, 4\) and \(4, 5\)"):
        segment(mask, np.zeros((4, 5), np.uint8), 3)
    with pytest.raises(UsageError, match="answered class 7, expected 0 to 2"):
        segment(mask + 7, mask, 3)
