"""Numbers of retrieval: by hand, against independent code, and in the cases that mislead."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from sklearn.metrics import ndcg_score

from lapel.metrics import retrieval
from lapel.metrics.retrieval import NO_ITEM, Places, RetrievalCounts, per_query, places_of


def places(*lists: list[int]) -> Places:
    sizes = [len(one) for one in lists]
    return Places(
        places=np.array([place for one in lists for place in one], np.int64),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def drawn(
    count: int, *, seed: int, items: int = 8, width: int = 6
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors that tell a little of their item."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, items, count)
    centres = np.random.default_rng(99).normal(size=(items, width))
    vectors = centres[labels] + random.normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def test_a_query_by_hand() -> None:
    numbers = {name: value[0] for name, value in per_query(places([1, 3, 6]), (1, 5)).items()}
    assert numbers == {
        "hit_rate_at_1": 1.0,
        "recall_at_1": pytest.approx(1 / 3),
        "ndcg_at_1": 1.0,
        "hit_rate_at_5": 1.0,
        "recall_at_5": pytest.approx(2 / 3),
        "ndcg_at_5": pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2)),
        # R = 3: of the first three places the first and the third are right.
        "map_at_r": pytest.approx((1 / 1 + 2 / 3) / 3),
        "mrr": 1.0,
    }


def test_hit_rate_and_recall_are_not_the_same_number() -> None:
    counts = RetrievalCounts.of(places([2], [1, 40], [7]), (5,))
    numbers = counts.numbers()
    assert numbers["hit_rate_at_5"] == pytest.approx(2 / 3)
    assert numbers["recall_at_5"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert numbers["mrr"] == pytest.approx((1 / 2 + 1 + 1 / 7) / 3)


def test_places_are_those_of_a_ranking_of_the_whole_gallery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, query_items = drawn(30, seed=1)
    gallery, gallery_items = drawn(70, seed=2)
    gallery_items[::9] = NO_ITEM
    whole = places_of(queries, gallery, query_items, gallery_items)
    monkeypatch.setattr(retrieval, "BLOCK", 150)  # two queries at a time
    found = places_of(queries, gallery, query_items, gallery_items)
    assert np.array_equal(found.places, whole.places)
    for row, (vector, item) in enumerate(zip(queries, query_items, strict=True)):
        ranked = gallery_items[np.argsort(-(gallery @ vector))]
        expected = np.flatnonzero(ranked == item) + 1
        mine = found.places[found.starts[row] : found.starts[row + 1]]
        assert np.array_equal(mine, expected)


def test_the_query_itself_is_no_answer() -> None:
    vectors, items = drawn(60, seed=3)
    found = places_of(vectors, vectors, items, items, itself=np.arange(60))
    for row in range(60):
        others = np.delete(np.arange(60), row)
        ranked = items[others][np.argsort(-(vectors[others] @ vectors[row]))]
        mine = found.places[found.starts[row] : found.starts[row + 1]]
        assert np.array_equal(mine, np.flatnonzero(ranked == items[row]) + 1)


def test_map_at_r_and_the_first_place_are_pytorch_metric_learnings() -> None:
    queries, query_items = drawn(80, seed=4)
    gallery, gallery_items = drawn(200, seed=5)
    theirs = AccuracyCalculator(
        include=("mean_average_precision_at_r", "precision_at_1", "mean_reciprocal_rank"),
        k="max_bin_count",
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
    ).get_accuracy(*map(torch.from_numpy, (queries, query_items, gallery, gallery_items)))
    mine = RetrievalCounts.of(places_of(queries, gallery, query_items, gallery_items)).numbers()
    assert mine["map_at_r"] == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-5)
    assert mine["hit_rate_at_1"] == pytest.approx(theirs["precision_at_1"], abs=1e-6)


def test_ndcg_is_scikit_learns() -> None:
    queries, query_items = drawn(40, seed=6)
    gallery, gallery_items = drawn(90, seed=7)
    mine = RetrievalCounts.of(places_of(queries, gallery, query_items, gallery_items)).numbers()
    right = (query_items[:, None] == gallery_items[None]).astype(float)
    for depth in (5, 20):
        theirs = ndcg_score(right, queries @ gallery.T, k=depth)
        assert mine[f"ndcg_at_{depth}"] == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("first", [True, False])
def test_vectors_that_tell_nothing_find_nothing(first: bool) -> None:
    same = np.zeros((9, 4), np.float32)
    same[:, 0] = 1
    items = np.zeros(9, np.int64)
    items[0 if first else -1] = 1  # before the wrong ones, or behind them
    counts = RetrievalCounts.of(places_of(same[:1], same, np.array([1]), items))
    assert counts.numbers()["mrr"] == pytest.approx(1 / 9)


def test_queries_with_nothing_to_find_are_counted_apart() -> None:
    counts = RetrievalCounts.of(places([1], [], [2]))
    assert (counts.queries, counts.without_match) == (2, 1)
    assert counts.numbers()["hit_rate_at_1"] == 0.5
    unknown = np.array([NO_ITEM])
    vectors, _ = drawn(5, seed=8)
    none = places_of(vectors[:1], vectors, unknown, np.full(5, NO_ITEM))
    assert RetrievalCounts.of(none).queries == 0
    assert math.isnan(RetrievalCounts.of(none).numbers()["mrr"])


def test_counts_of_two_halves_are_those_of_the_whole() -> None:
    queries, query_items = drawn(50, seed=9)
    gallery, gallery_items = drawn(90, seed=10)

    def counts(part: slice) -> RetrievalCounts:
        return RetrievalCounts.of(
            places_of(queries[part], gallery, query_items[part], gallery_items)
        )

    whole, halves = counts(slice(None)), counts(slice(20)) + counts(slice(20, None))
    assert halves.queries == whole.queries
    assert halves.numbers() == pytest.approx(whole.numbers())
