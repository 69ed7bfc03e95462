"""Recall among the most probable: against sets, against scikit-learn, and the published All."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score
from tag_examples import drawn, tagged

from lapel.metrics import top_recall
from lapel.metrics.tags import ResampledTags, TaggedImages
from lapel.metrics.top_recall import TopHits, mean_of_types
from lapel.schema.errors import UsageError


def hits(images: TaggedImages) -> TopHits:
    return TopHits.of(images.probabilities, images.target, images.known)


def by_sets(images: TaggedImages, k: int) -> float:
    """The definition, word by word."""
    found = held = 0
    for probabilities, target, known in zip(
        images.probabilities, images.target, images.known, strict=True
    ):
        asked = [label for label in range(len(target)) if known[label]]
        best = sorted(asked, key=lambda label: (-probabilities[label], label))[:k]
        true = {label for label in asked if target[label]}
        found += len(true & set(best))
        held += len(true)
    return found / held if held else float("nan")


@given(seed=st.integers(0, 10_000), known=st.sampled_from([0.4, 0.8, 1.1]), size=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_it_is_the_definition_word_by_word(seed: int, known: float, size: int) -> None:
    images = drawn(size, 7, seed=seed, known=known)
    found = hits(images).recall()
    for k in (3, 5):
        assert found[f"recall_at_{k}"] == pytest.approx(by_sets(images, k), nan_ok=True)


def test_of_one_label_an_image_it_is_scikit_learns_top_k_accuracy() -> None:
    random = np.random.default_rng(3)
    probabilities, true = random.random((300, 20)), random.integers(0, 20, 300)
    target = np.eye(20, dtype=np.uint8)[true]
    found = TopHits.of(probabilities, target, np.ones(target.shape, np.bool_)).recall()
    for k in (3, 5):
        expected = top_k_accuracy_score(true, probabilities, k=k, labels=range(20))
        assert found[f"recall_at_{k}"] == pytest.approx(expected)


def test_images_share_one_pot_and_one_without_positives_adds_nothing() -> None:
    """One of one is found, one of four, nothing of nothing: 2 of 5, and not the mean of shares."""
    probabilities = [[0.9, 0.8, 0.7, 0.1, 0.1, 0.1]] * 3
    target = [[1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]]
    assert hits(tagged(probabilities, target)).recall()["recall_at_3"] == pytest.approx(2 / 5)


def test_an_unknown_label_takes_no_place_unless_unknown_counts_as_no() -> None:
    images = tagged([[0.9, 0.8, 0.7, 0.6, 0.1]], [[0, 0, 0, 1, 0]], [[0, 1, 1, 1, 1]])
    assert hits(images).recall()["recall_at_3"] == 1.0
    everything = np.ones(images.target.shape, np.bool_)
    legacy = TopHits.of(images.probabilities, images.target, everything)
    assert legacy.recall()["recall_at_3"] == 0.0


def test_six_of_six_cannot_be_among_five() -> None:
    images = tagged([[0.9] * 6 + [0.1] * 20], [[1] * 6 + [0] * 20])
    expected = {"recall_at_3": 3 / 6, "recall_at_5": 5 / 6}
    assert hits(images).recall() == pytest.approx(expected)
    assert hits(images).perfect().recall() == pytest.approx(expected)


def test_equal_probabilities_keep_the_order_of_the_labels() -> None:
    images = tagged([[0.5] * 6], [[0, 0, 0, 1, 0, 1]])
    assert hits(images).recall() == {"recall_at_3": 0.0, "recall_at_5": 0.5}


def test_of_no_positives_nothing_is_measured() -> None:
    nothing = tagged([[0.5] * 6], [[0] * 6])
    assert all(np.isnan(value) for value in hits(nothing).recall().values())
    images = drawn(10)
    assert len(hits(images.take(np.arange(0)))) == 0


def test_many_images_are_cut_into_blocks_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    images = drawn(100, 8)
    whole = hits(images).recall()
    monkeypatch.setattr(top_recall, "BLOCK", 7)
    assert hits(images).recall() == whole
    halves = [hits(images.take(np.arange(0, 30))), hits(images.take(np.arange(30, 100)))]
    assert TopHits.joined(halves).recall() == whole


def test_tags_count_the_same_on_resamples_too() -> None:
    images = drawn(60, 9, known=0.9)
    rows = np.random.default_rng(1).integers(60, size=60)
    found = ResampledTags(images)(rows)
    expected = hits(images).recall(rows)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_where_there_are_no_more_labels_than_places_it_says_nothing() -> None:
    numbers = drawn(20, 5).counts().numbers()
    assert "recall_at_3" in numbers
    assert "recall_at_5" not in numbers


@pytest.mark.parametrize(
    ("method", "top3", "top5", "expected"),
    [
        (
            "Liu & Lu 2018",
            (56.17, 43.20, 58.28, 46.97, 68.82),
            (65.83, 53.52, 67.80, 57.42, 74.13),
            (54.69, 63.74),
        ),
        (
            "its reproduction",
            (56.85, 43.35, 57.99, 43.26, 32.54),
            (66.34, 53.66, 66.49, 53.21, 40.87),
            (46.80, 56.11),
        ),
        (
            "FashionNet 2016",
            (37.46, 39.30, 39.47, 44.13, 66.43),
            (49.52, 49.84, 48.59, 54.02, 73.16),
            (45.36, 55.03),
        ),
    ],
)
def test_all_is_the_mean_of_five_types_in_the_paper(
    method: str,
    top3: tuple[float, ...],
    top5: tuple[float, ...],
    expected: tuple[float, float],
) -> None:
    types = [
        {"recall_at_3": three, "recall_at_5": five} for three, five in zip(top3, top5, strict=True)
    ]
    found = mean_of_types(types)
    rounded = (round(found["recall_at_3"], 2), round(found["recall_at_5"], 2))
    assert rounded == expected, method


def test_the_two_meanings_of_all_are_far_apart() -> None:
    """A style that is always found, and pushed aside by surer textures when all are ranked."""
    texture, texture_true = np.tile([0.9, 0.8, 0.7, 0.6], (50, 1)), np.zeros((50, 4), np.uint8)
    style, style_true = np.tile([0.5, 0.1, 0.1, 0.1], (50, 1)), np.zeros((50, 4), np.uint8)
    style_true[:, 0] = 1
    texture_true[:, 3] = 1

    def recall(*parts: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
        probabilities = np.concatenate([part[0] for part in parts], axis=1)
        target = np.concatenate([part[1] for part in parts], axis=1)
        return TopHits.of(probabilities, target, np.ones(target.shape, np.bool_)).recall()

    each = [recall((texture, texture_true)), recall((style, style_true))]
    assert mean_of_types(each)["recall_at_3"] == 0.5
    assert recall((texture, texture_true), (style, style_true))["recall_at_3"] == 0.0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"found shapes \(1, 2\), \(1, 2\), \(1, 3\)"):
        TopHits.of(np.zeros((1, 2)), np.zeros((1, 2), np.uint8), np.zeros((1, 3), np.bool_))
