"""What finds the nearest vectors: all of them exactly, nearly all in a graph."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.retrieval import nearest
from lapel.retrieval.nearest import Exact, build_graph, chosen_kind, open_graph, recall_of
from lapel.schema.errors import MissingExtraError, UsageError


def vectors(count: int, *, seed: int = 0, width: int = 24) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(size=(count, width))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("block", [1, 7, 13, 100_000])
def test_exact_search_finds_what_a_sort_finds(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK", block)
    monkeypatch.setattr(nearest, "QUERIES", 4)
    gallery, queries = vectors(50), vectors(9, seed=1)
    found = Exact(gallery).search(queries, 12)
    expected = np.argsort(-(queries @ gallery.T), axis=1)[:, :12]
    assert np.array_equal(found.rows, expected)
    assert (np.diff(found.similarities, axis=1) <= 0).all()
    assert found.rows.dtype == np.int64


def test_more_than_there_is_are_all_there_are() -> None:
    assert Exact(vectors(4)).search(vectors(2, seed=1), 10).rows.shape == (2, 4)


def test_a_graph_finds_nearly_all_and_the_same_when_opened_again(tmp_path: Path) -> None:
    gallery, queries = vectors(3000), vectors(50, seed=1)
    built = build_graph(gallery, tmp_path / "graph")
    assert recall_of(built, gallery) > 0.95
    opened = open_graph(tmp_path / "graph")
    found, again = built.search(queries, 10), opened.search(queries, 10)
    assert np.array_equal(found.rows, again.rows)
    exact = Exact(gallery).search(queries, 10)
    same = found.rows == exact.rows
    assert np.allclose(found.similarities[same], exact.similarities[same], atol=2e-3)
    assert built.search(queries[:1], 5000).rows.shape[0] == 1


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lapel\[search\]'"):
        build_graph(vectors(5), tmp_path / "graph")


def test_few_pictures_are_searched_exactly() -> None:
    assert chosen_kind("auto", 1000) == "exact"
    assert chosen_kind("auto", 1_000_000) == "hnsw"
    with pytest.raises(UsageError, match="there are: auto, exact, hnsw"):
        chosen_kind("annoy", 10)
